"""What `make install` puts on a machine: modes, the users script, the systemd unit, the rc script with a stand-in for the programs."""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from gateway import build_folder

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {
    "sbin": {"caronted"},
    "bin": {"carontectl"},
    "libexec/caronte": {"smtpd-proxy", "policyd", "dnsd", "logd", "users"},
}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          **options)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-install."))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        made = run("make", "-C", build_folder(), "install", f"DESTDIR={cls.folder}")
        if made.returncode != 0:
            raise AssertionError(made.stdout)
        cls.prefix = cls.folder / "usr/local"

    def test_programs_are_where_they_belong(self):
        for folder, names in PROGRAMS.items():
            self.assertEqual({path.name for path in (self.prefix / folder).iterdir()}, names, folder)

    def test_nothing_is_setuid_or_writable_by_others(self):
        for path in self.prefix.rglob("*"):
            mode = path.lstat().st_mode
            self.assertFalse(mode & (stat.S_ISUID | stat.S_ISGID), path)
            self.assertFalse(mode & stat.S_IWOTH, path)

    def test_nothing_of_the_tests_is_installed(self):
        self.assertEqual([path for path in self.prefix.rglob("*sink*")], [])

    def test_each_program_has_its_manual_page(self):
        pages = {path.name for path in (self.prefix / "share/man").rglob("*.[58]")}
        programs = set().union(*PROGRAMS.values()) - {"users"}
        self.assertEqual({name + ".8" for name in programs} | {"caronte.xml.5", "caronte-log.5"}, pages)

    def test_an_existing_configuration_is_kept(self):
        file = self.prefix / "etc/caronte/caronte.xml"
        self.assertTrue(file.exists())
        file.write_text("mine\n")
        made = run("make", "-C", build_folder(), "install", f"DESTDIR={self.folder}")
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertEqual(file.read_text(), "mine\n")
        self.assertIn("<caronte>", (self.prefix / "share/doc/caronte/caronte.xml.sample").read_text())

    def test_uninstall_leaves_only_what_is_the_administrators(self):
        with tempfile.TemporaryDirectory(prefix="caronte-install.") as folder:
            for goal in ("install", "uninstall"):
                made = run("make", "-C", build_folder(), goal, f"DESTDIR={folder}")
                self.assertEqual(made.returncode, 0, made.stdout)
            left = [str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if not path.is_dir()]
            self.assertEqual([path for path in left if not path.startswith("usr/local/etc/caronte/")], [])

    # ------------------------------------------------------------------------------------------------------- systemd
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_the_unit_is_valid_and_tight(self):
        unit = self.folder / "caronte.service"
        text = (self.prefix / "lib/systemd/system/caronte.service").read_text()
        self.assertNotIn("@", text.replace("@system-service", "").split("SystemCallFilter=~")[0])
        # The programs are not at home in a DESTDIR; the pages neither.
        text = text.replace("/usr/local/", f"{self.prefix}/")
        unit.write_text("".join(line for line in text.splitlines(True) if not line.startswith("Documentation=")))
        verified = run("systemd-analyze", "verify", unit)
        self.assertEqual((verified.returncode, verified.stdout), (0, ""))
        # 2.8: master must open folders that are closed to all but their worker, which takes CAP_DAC_READ_SEARCH (0.2).
        exposure = run("systemd-analyze", "security", "--offline=yes", "--threshold=28", unit)
        self.assertEqual(exposure.returncode, 0, exposure.stdout)

    # -------------------------------------------------------------------------------------------------------- rc script
    def rc(self, shell, status, *arguments):
        """The rc script under `shell`; carontectl's `status` ends with `status`. Returns its exit code and what was called."""
        with tempfile.TemporaryDirectory(prefix="caronte-rc.") as name:
            folder = pathlib.Path(name)
            calls = folder / "calls"
            calls.touch()
            for program, body in (("caronted", "exit 0"), ("carontectl", f'[ "$1" != status ] || exit {status}')):
                (folder / program).write_text(f'#!/bin/sh\necho "{program} $*" >>"{calls}"\n{body}\n')
                (folder / program).chmod(0o755)
            script = folder / "caronte"
            text = (self.prefix / "etc/init.d/caronte").read_text()
            script.write_text(text.replace("/usr/local/sbin/", f"{folder}/").replace("/usr/local/bin/", f"{folder}/"))
            done = run(*shell, script, *arguments)
            return done.returncode, calls.read_text().splitlines()

    def test_rc_script_under_every_shell(self):
        shells = [[path] for path in map(shutil.which, ("dash", "bash")) if path] + \
            ([["busybox", "sh"]] if shutil.which("busybox") else [])
        for shell in shells:
            with self.subTest(shell=shell):
                absent, healthy, sick, forbidden = 2, 0, 1, 77
                self.assertEqual(self.rc(shell, absent, "start"), (0, ["carontectl status", "caronted "]))
                self.assertEqual(self.rc(shell, healthy, "start"), (0, ["carontectl status"]))
                self.assertEqual(self.rc(shell, absent, "stop"), (0, ["carontectl status"]))
                self.assertEqual(self.rc(shell, absent, "status")[0], 3)
                self.assertEqual(self.rc(shell, healthy, "status")[0], 0)
                self.assertEqual(self.rc(shell, sick, "status")[0], 4)
                self.assertEqual(self.rc(shell, sick, "start"), (0, ["carontectl status"]))
                self.assertEqual(self.rc(shell, forbidden, "status")[0], 4)
                self.assertEqual(self.rc(shell, healthy, "reload"), (0, ["carontectl reload"]))
                self.assertEqual(self.rc(shell, absent, "restart"), (0, ["caronted -n", "carontectl status", "carontectl status",
                                                                         "caronted "]))
                self.assertEqual(self.rc(shell, absent, "nonsense")[0], 2)

    # ----------------------------------------------------------------------------------------------------------- users
    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_users_script_is_idempotent_and_strict(self):
        script = self.prefix / "libexec/caronte/users"
        for _ in range(2):
            self.assertEqual(run(script).returncode, 0)
        self.assertEqual(run(script, "--check").returncode, 0)
        self.assertEqual(run(script, "--nonsense").returncode, 64)
        uids = [run("id", "-u", "_caronte-" + name).stdout.strip() for name in ("config", "smtp", "policy", "dns", "log")]
        self.assertEqual(len(set(uids) | {"0"}), 6)
        for name in ("config", "smtp", "policy", "dns", "log"):
            groups = run("id", "-Gn", "_caronte-" + name).stdout.strip()
            self.assertEqual(groups, "_caronte-" + name)


    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("busybox"), "needs root and busybox")
    def test_users_script_on_a_machine_without_useradd(self):
        """A root folder with busybox, and its adduser and addgroup as far as their options go (Debian's busybox has them not)."""
        with tempfile.TemporaryDirectory(prefix="caronte-busybox.") as name:
            root = pathlib.Path(name)
            for folder in ("bin", "etc", "usr/sbin"):
                (root / folder).mkdir(parents=True)
            self.install_busybox(root, ("sh", "id", "grep", "sed", "false", "wc"))
            (root / "dev").mkdir()
            (root / "dev/null").touch()
            self.write_program(root / "bin/addgroup", ADDGROUP)
            self.write_program(root / "bin/adduser", ADDUSER)
            (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
            (root / "etc/group").write_text("root:x:0:\n")
            shutil.copy(self.prefix / "libexec/caronte/users", root / "users")
            for _ in range(2):
                made = run("chroot", root, "/bin/sh", "/users")
                self.assertEqual((made.returncode, made.stdout), (0, ""))
            rows = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines()[1:]]
            self.assertEqual([row[0] for row in rows], ["_caronte-" + name for name in ("config", "smtp", "policy", "dns", "log")])
            self.assertEqual({(row[5], row[6]) for row in rows}, {("/nonexistent", "/bin/false")})
            passwd = (root / "etc/passwd").read_text()
            (root / "etc/passwd").write_text(passwd.replace(":".join(rows[3][:3]), "_caronte-dns:x:0"))
            refused = run("chroot", root, "/bin/sh", "/users")
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertIn("_caronte-dns: uid 0 is root's", refused.stdout)

    @staticmethod
    def write_program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    @staticmethod
    def install_busybox(root, applets):
        busybox = shutil.which("busybox")
        shutil.copy(busybox, root / "bin/busybox")
        for word in run("ldd", busybox).stdout.split():
            if word.startswith("/"):
                (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(word, root / word[1:])
        for applet in applets:
            (root / "bin" / applet).symlink_to("busybox")


# What busybox does with the options of its own adduser and addgroup; any other option is refused.
ADDGROUP = """#!/bin/sh
[ $# -eq 2 ] && [ "$1" = -S ] || exit 64
echo "$2:x:$((100 + $(wc -l </etc/group))):" >>/etc/group
"""
ADDUSER = """#!/bin/sh
while getopts SDHh:s:g:G: option; do
  case $option in
    h) home=$OPTARG ;;
    s) shell=$OPTARG ;;
    G) gid=$(grep "^$OPTARG:" /etc/group | sed 's/.*:x:\\([0-9]*\\):.*/\\1/') ;;
    g) gecos=$OPTARG ;;
    S | D | H) ;;
    *) exit 64 ;;
  esac
done
shift $((OPTIND - 1))
echo "$1:x:$((100 + $(wc -l </etc/passwd))):$gid:$gecos:$home:$shell" >>/etc/passwd
"""


if __name__ == "__main__":
    unittest.main()
