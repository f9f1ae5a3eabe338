"""The core: a tiny CNN with forward and backward passes by hand, and the five steps of Grad-CAM.

Read ``base``, ``layers``, ``network`` and ``steps``, in this order. The core needs NumPy and nothing else of the
package.
"""
