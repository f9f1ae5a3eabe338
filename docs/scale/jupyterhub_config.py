"""A class on one machine: each student gets a server of their own, and the course in a folder.

jupyterhub.md, beside this file, says how to start it, what was measured, and what 60 students need.
"""

import asyncio
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub defines it

# --- Who may log in --------------------------------------------------------------------------------------------

# Names and one password for all. Replace it by what your school logs in with: PAM, LDAP, OAuth.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allowed_users = set(os.environ["CLASS_NAMES"].split(","))

# Only this machine can reach it. A proxy with HTTPS in front of it lets the others in.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# --- Where the students work -----------------------------------------------------------------------------------

STUDENTS = Path(os.environ.get("CLASS_FOLDER", "students")).resolve()
COURSE = "numpycam-course"

# Each student has a folder. All servers run under one account of the system, so that none has to be made for each
# student. The price: whoever tries can read the folder of a neighbour.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{STUDENTS}/{{username}}"
c.Spawner.notebook_dir = f"{STUDENTS}/{{username}}/{COURSE}"
c.Spawner.default_url = "/lab/tree/01_grad_cam_by_hand.ipynb"


async def write_the_course(spawner):
    """Write what is missing of the course. What a student has written stays."""
    folder = STUDENTS / spawner.user.name / COURSE
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Asynchronous, because the hub must answer the others meanwhile.
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "numpycam", "course", str(folder))
    if await process.wait():
        raise RuntimeError(f"The course could not be written into {folder}.")


c.Spawner.pre_spawn_hook = write_the_course

# --- What a student may use ------------------------------------------------------------------------------------

# One thread for each kernel. Else each NumPy starts one for each core, and sixty of them fight.
c.Spawner.environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

# Kernels that start at once can draw the same port: of five, one did. A file for each cannot be drawn twice.
# The name of such a file may have about 100 characters, so it stands in a folder with a short name.
c.Spawner.environment["JUPYTER_RUNTIME_DIR"] = lambda spawner: f"{STUDENTS}/{spawner.user.name}/.run"
c.Spawner.args = ["--KernelManager.transport=ipc"]

# A kernel that nobody looks at ends after half an hour, a server after an hour. What was saved stays.
c.Spawner.args += [
    "--MappingKernelManager.cull_idle_timeout=1800",
    "--MappingKernelManager.cull_interval=120",
    "--ServerApp.shutdown_no_activity_timeout=3600",
]

# A class logs in within one minute. No start is refused for that; each may take longer.
c.JupyterHub.concurrent_spawn_limit = 0
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 120
