"""The integration test harness: a whole gateway, real binaries in their sandbox, on free loopback ports, in a folder of its own.

    with ScriptedSink() as sink, Gateway(sink, limits={"noops": 3}, relay=["127.0.9.1"]) as gateway:
        with gateway.client(source="127.0.1.5") as client:
            client.hello()
            client.deliver(b"Subject: x\\r\\n\\r\\nhello\\r\\n")

Settings are given an element by keyword (hyphens as underscores), attributes as a dict; None leaves the element out. Defaults are
chosen for tests: short timeouts towards the destination and no cap of sessions an address. Every gateway must end with exit code 0
and leave no process, and no worker may die on the way unless the test says so (`expects_deaths`); otherwise the test fails.

Environment: CARONTE_BUILD, the build folder (default: the newest build*/ with master/caronted beside the sources).
Needs root (users, chroot). The other parts: smtp_client.py, scripted_sink.py, postfix_server.py.
"""

import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

from postfix_server import Postfix
from scripted_sink import ScriptedSink
from smtp_client import Reply, Smtp, Unexpected, stuffed

__all__ = ["Gateway", "Postfix", "Reply", "ScriptedSink", "Smtp", "Unexpected", "build_folder", "free_port", "stuffed", "wait_until"]

TOP = pathlib.Path(__file__).resolve().parents[2]
DOMAINS = ("local.example.org", "other.example.org")
PROBE_SOURCE = "127.255.255.254"  # the harness' own call that waits for readiness
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def build_folder():
    if os.environ.get("CARONTE_BUILD"):
        return pathlib.Path(os.environ["CARONTE_BUILD"]).resolve()
    found = [path.parents[1] for path in TOP.glob("build*/master/caronted")] + \
            ([TOP] if (TOP / "master" / "caronted").exists() else [])
    if not found:
        raise RuntimeError("nothing built: set CARONTE_BUILD")
    return max(found, key=lambda path: (path / "master" / "caronted").stat().st_mtime)


def wait_until(predicate, timeout=10.0, what="condition", pause=0.02):
    """Polls until predicate() is true and returns its value; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(pause)
    return value


class Reserved:
    """A free port, kept from everybody else by a bound socket that never listens; a server with SO_REUSEPORT may take it."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((address, 0))
        self.address, self.port = self.socket.getsockname()[:2]

    def close(self):
        self.socket.close()


def free_port(address="127.0.0.1"):
    """A port on which nobody listens now: for a server without SO_REUSEPORT, or a destination that is down."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _stat(pid):
    """(ppid, session, start time) or None when the process is gone or a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[3]), int(fields[19]))


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a killed test leaves no gateway


class Gateway:
    """`servers`, of the destination: a ScriptedSink, a Postfix, (address, port), or a list of these. `relay`: lines of the relay list; None: no
    <relay> element. `lists`: {name: lines} of further files in lists/. `listens`: attributes of each <listen>, address (and
    port, if it matters) included. `xml`: the whole file instead, in which {folder}, {port}, {port6}, {destination} and {destination_port} are filled in.
    `is_started` false: only the folder and the configuration, for a test that starts caronted itself."""

    def __init__(self, servers=None, *, domains=DOMAINS, relay=None, listens=None, xml=None, extra_xml="", folder=None,
                 build=None, expects_deaths=False, is_started=True, wait=True, environment=None, arguments=(), lists=None, **elements):
        self.build = pathlib.Path(build or build_folder())
        self.expects_deaths = expects_deaths
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-test.", dir=folder))
        self.folder.chmod(0o711)  # the workers' users pass through it to their own folders
        self.file = self.folder / "caronte.xml"
        self._reserved, self._process, self._born = [], None, {}
        try:
            self._write(servers, list(domains), relay, listens, xml, extra_xml, lists or {}, elements)
            if is_started:
                self._start(environment, list(arguments))
            if is_started and wait:
                self.wait_until_ready()
        except BaseException:
            self._kill()
            self._remove()
            raise

    # -------------------------------------------------------------------------------------------------- configuration
    def _write(self, servers, domains, relay, listens, xml, extra_xml, lists, elements):
        destinations = servers if isinstance(servers, list) else [servers or ("127.0.0.1", free_port())]
        self.destinations = [getattr(one, "endpoint", one) for one in destinations]
        listens = [{"address": "127.0.0.1"}, {"address": "::1"}] if listens is None else listens
        self.endpoints = []
        for listen in listens:
            if "port" not in listen:
                self._reserved.append(Reserved(listen["address"]))
                listen = {**listen, "port": self._reserved[-1].port}
            self.endpoints.append(listen)
        (self.folder / "lists").mkdir()
        if relay is not None:
            self.write_list("relay", relay)
        for name, lines in lists.items():
            self.write_list(name, lines)
        self._settings = dict(domains=domains, has_relay=relay is not None, extra_xml=extra_xml, elements=elements)
        if xml is not None:
            self.file.write_text(xml.format(folder=self.folder, port=self.port, port6=self.port6 or 0,
                                            destination=self.destinations[0][0], destination_port=self.destinations[0][1]))
        else:
            self.write_configuration()

    def write_configuration(self, **elements):
        """Writes caronte.xml anew with these elements changed (as in the constructor); takes effect with reload()."""
        self._settings["elements"].update(elements)
        settings = {
            "server": {"name": "gateway.example.org", "state": self.folder / "state", "run": self.folder / "run", "workers": 2},
            "limits": {"sessions-per-address": 0},
            "destination": {"connect-timeout": "2s", "reply-timeout": "10s", "data-timeout": "10s", "end-timeout": "10s"},
            "log": {"level": "1", "folder": self.folder / "log"},
        }
        for name, attributes in self._settings["elements"].items():
            name = name.replace("_", "-")
            settings[name] = None if attributes is None else {**settings.get(name, {}), **attributes}
        root = ElementTree.Element("caronte")

        def add(parent, name, attributes):
            return ElementTree.SubElement(parent, name, {key: str(value) for key, value in attributes.items()})

        add(root, "server", settings.pop("server"))
        for listen in self.endpoints:
            add(root, "listen", listen)
        element = add(root, "destination", settings.pop("destination"))
        for address, port in self.destinations:
            add(element, "server", {"address": address, "port": port})
        element = ElementTree.SubElement(root, "domains")
        for domain in self._settings["domains"]:
            add(element, "domain", {"name": domain} if isinstance(domain, str) else domain)
        if self._settings["has_relay"]:
            add(root, "relay", {"list": "lists/relay"})
        for name, attributes in settings.items():
            if attributes is not None:
                add(root, name, attributes)
        for extra in ElementTree.fromstring(f"<x>{self._settings['extra_xml']}</x>"):
            root.append(extra)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, "unicode", xml_declaration=True)
        (self.folder / "caronte.xml.new").write_text(text + "\n")
        (self.folder / "caronte.xml.new").rename(self.file)

    def write_list(self, name, lines):
        (self.folder / "lists" / name).write_text("".join(f"{line}\n" for line in lines))

    # ------------------------------------------------------------------------------------------------------ processes
    @staticmethod
    def ensure_users():
        """Creates the users that the workers need, by the project's own script."""
        if subprocess.run(["getent", "passwd", "_caronte-smtp"], stdout=subprocess.DEVNULL).returncode == 0:
            return
        subprocess.run([str(TOP / "etc" / "users")], check=True, stdout=subprocess.DEVNULL)

    def _start(self, environment, arguments):
        self.ensure_users()
        # A pipe, not the file itself: workers may write to no file (RLIMIT_FSIZE 0), and their last words are wanted.
        reader, writer = os.pipe()
        threading.Thread(target=self._copy, args=(reader, self.folder / "stderr"), daemon=True).start()
        self._process = subprocess.Popen(
            [str(self.build / "master" / "caronted"), "-F", "-f", str(self.file), "-l", str(self.build), *arguments],
            stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, cwd="/", start_new_session=True,
            env={**os.environ, **(environment or {})}, preexec_fn=_die_with_parent)
        os.close(writer)

    @staticmethod
    def _copy(reader, path):
        with open(reader, "rb", buffering=0) as source, path.open("wb", buffering=0) as target:
            while data := source.read(65536):
                target.write(data)

    @property
    def pid(self):
        """Of caronted (master)."""
        return self._process.pid

    @property
    def stderr(self):
        """What caronted and its workers have said so far."""
        path = self.folder / "stderr"
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def workers(self, name=None):
        """pids of master's children, all or by program name (`smtpd-proxy`, `policyd`, `dnsd`, `logd`), oldest first."""
        found = []
        for pid in _pids():
            stat = _stat(pid)
            if stat and stat[0] == self.pid:
                try:
                    program = pathlib.Path(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")).name.removeprefix("lt-")
                except OSError:
                    continue
                if name in (None, program):
                    found.append((stat[2], pid, program))
        return [pid for _, pid, _ in sorted(found)]

    def worker(self, name):
        pids = self.workers(name)
        assert len(pids) == 1, f"{name}: {pids}"
        return pids[0]

    def wait_until_ready(self, timeout=30.0):
        """Waits until master says that every worker is ready and the first listener greets; notes the workers."""
        deadline = time.monotonic() + timeout
        while "caronted: ready\n" not in self.stderr and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        while True:
            if self._process.poll() is not None:
                raise AssertionError(f"caronted ended with {self._process.returncode}:\n{self.stderr}")
            try:
                self._probe(max(0.1, deadline - time.monotonic()))
                break
            except (OSError, EOFError, AssertionError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"the gateway is not ready: {error!r}\n{self.stderr}") from None
                time.sleep(0.02)
        self._born = {pid: _stat(pid) for pid in self.workers()}

    def _probe(self, timeout):
        listen = self.endpoints[0]
        is_ipv6 = ":" in listen["address"]
        prefix = b"PROXY UNKNOWN\r\n" if "proxy-protocol" in listen else b""
        source = "127.0.0.1" if prefix else PROBE_SOURCE
        with Smtp(listen["address"], int(listen["port"]), None if is_ipv6 else source, timeout, prefix=prefix) as client:
            client.line("QUIT")
            client.drain()

    def deaths(self):
        """Workers that were there when the gateway was ready and are no more."""
        return [pid for pid, stat in self._born.items() if (now := _stat(pid)) is None or now[2] != stat[2]]

    def rss_kib(self, pid):
        return self._memory(pid, "VmRSS")

    def peak_kib(self, pid):
        """Largest resident size since reset_peak()."""
        return self._memory(pid, "VmHWM")

    @property
    def memory_factor(self):
        """By which bounds of memory are to be stretched: 1, or more for a build with sanitizers."""
        return 16 if b"__asan_init" in (self.build / "smtpd-proxy" / "smtpd-proxy").read_bytes() else 1

    def reset_peak(self, pid):
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")

    @staticmethod
    def _memory(pid, row):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(row + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {row} of {pid}")

    @staticmethod
    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    @staticmethod
    def cpu_seconds(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    # -------------------------------------------------------------------------------------------------------- clients
    @property
    def port(self):
        return int(self.endpoints[0]["port"])

    @property
    def port6(self):
        return next((int(listen["port"]) for listen in self.endpoints if ":" in listen["address"]), None)

    def client(self, source=None, ipv6=False, listen=None, **options):
        """A connected Smtp; `listen`: number of the listener, else the first of that family."""
        if listen is None:
            listen = next(i for i, one in enumerate(self.endpoints) if (":" in one["address"]) == ipv6)
        endpoint = self.endpoints[listen]
        return Smtp(endpoint["address"], int(endpoint["port"]), source, **options)

    # -------------------------------------------------------------------------------------------------------- control
    def control(self, *arguments, timeout=20):
        """Runs carontectl with these arguments; returns the CompletedProcess (text)."""
        return subprocess.run([str(self.build / "carontectl" / "carontectl"), "-f", str(self.file), *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def reload(self):
        """carontectl reload; AssertionError when it is refused."""
        result = self.control("reload")
        assert result.returncode == 0, f"reload: {result.stdout}{result.stderr}\n{self.stderr}"

    # ------------------------------------------------------------------------------------------------------------ log
    def records(self, name=None):
        """The log's records as ElementTree elements, oldest first, archives included; `name`: only such elements (`session`).
        The harness' own calls are left out."""
        found = []
        folder = self.folder / "log"
        archives = sorted(path for path in folder.rglob("*.xml") if path.name != "current.xml") if folder.exists() else []
        for path in [*archives, folder / "current.xml"]:
            try:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_SH)
                    found += list(ElementTree.fromstring(file.read()))
            except FileNotFoundError:
                continue
        return [record for record in found if name in (None, record.tag) and
                not (record.get("client") or "").startswith(PROBE_SOURCE)]

    def wait_for_record(self, predicate=lambda record: True, name="session", timeout=10.0):
        """The first record for which predicate(element) is true; waits for it."""
        return wait_until(lambda: [r for r in self.records(name) if predicate(r)], timeout, f"log record <{name}>")[0]

    # ------------------------------------------------------------------------------------------------------------ end
    def stop(self, timeout=45.0):
        """SIGTERM; AssertionError unless master exits with 0 in time and leaves no process."""
        if self._process is None:
            return
        deaths = [] if self.expects_deaths else self.deaths()
        is_early = self._process.poll() is not None
        known = set(self.workers()) | set(self._born)
        if not is_early:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        code = self._process.poll()
        left = self._left(known)
        if left and code is not None:  # children of a dead master may need a moment to end
            deadline = time.monotonic() + 2
            while (left := self._left(known)) and time.monotonic() < deadline:
                time.sleep(0.02)
        self._kill()
        faults = [f"caronted had ended before it was told to, with {code}"] if is_early else []
        faults += [f"caronted did not end within {timeout} s"] if code is None else []
        faults += [f"exit code {code}"] if code and not is_early else []
        faults += [f"left processes: {left}"] if left else []
        faults += [f"workers died on the way: {deaths}"] if deaths else []
        if faults:
            raise AssertionError("; ".join(faults) + f"\n{self.stderr}")

    def _left(self, known):
        """pid -> command of processes that belong to this gateway: of master's session, or children it had."""
        left = {}
        for pid in _pids():
            stat = _stat(pid)
            born = self._born.get(pid)
            is_ours = stat and pid != os.getpid() and (
                stat[1] == self.pid or (pid in known and born is not None and born[2] == stat[2]))
            if is_ours and not (pid == self.pid and self._process.poll() is not None):
                try:
                    left[pid] = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
        return left

    def _kill(self):
        if self._process is None:
            return
        known = set(self._born)
        if self._process.poll() is None:
            known |= set(self.workers())
            self._process.kill()
            self._process.wait()
        for pid in self._left(known):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _remove(self):
        for reserved in self._reserved:
            reserved.close()
        if not os.environ.get("CARONTE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        try:
            self.stop()
        finally:
            self._remove()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            self.close()
            return
        try:
            error.add_note(f"caronted said:\n{self.stderr[-4000:]}")
            self.stop()
        except AssertionError as second:
            error.add_note(f"and at the end: {second}")
        finally:
            self._remove()
