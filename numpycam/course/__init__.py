"""The course: its notebooks, and the editions of them that learners, teachers and graders get.

>>> names()[:2]
['01_grad_cam_by_hand', '02_a_real_network']
"""

from numpycam.course.editions import grader, student, teacher
from numpycam.course.source import FOLDER, for_teachers, names, read, solutions

__all__ = ["FOLDER", "for_teachers", "grader", "names", "read", "solutions", "student", "teacher"]
