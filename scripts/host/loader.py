import json
import os
import sys

os.umask(0o022)
os.chdir("/")
bundle = json.load(sys.stdin)
base = "/usr/local/lib/slipway"
home = base + "/versions/" + bundle["version"]


def put(path: str, text: str, mode: int) -> None:
    try:
        with open(path, encoding="utf-8") as old:
            if old.read() == text and os.stat(path).st_mode & 0o777 == mode:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".slipway-new", "w", encoding="utf-8") as new:
        new.write(text)
        os.fchmod(new.fileno(), mode)
        os.fsync(new.fileno())
    os.replace(path + ".slipway-new", path)


for name, text in bundle["scripts"].items():
    put(home + "/host/" + name, text, 0o644)
target = "versions/" + bundle["version"] + "/host"
link = base + "/host"
if not os.path.islink(link) or os.readlink(link) != target:
    if os.path.lexists(link + ".slipway-new"):
        os.unlink(link + ".slipway-new")
    os.symlink(target, link + ".slipway-new")
    os.replace(link + ".slipway-new", link)
put("/usr/local/sbin/slipway", bundle["wrapper"], 0o755)
text = os.memfd_create("input")
left = memoryview(b"" if bundle["input"] is None else json.dumps(bundle["input"]).encode())
while left:
    left = left[os.write(text, left) :]
os.lseek(text, 0, os.SEEK_SET)
os.dup2(text, 0)
os.execve("/usr/bin/python3", ["python3", "-S", "-m", "host", *sys.argv[1:]], dict(os.environ, PYTHONPATH=home))  # noqa: S606
