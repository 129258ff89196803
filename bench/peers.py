"""The peers of the benchmark: each is started in a folder of its own on loopback ports, in front of the same sink.

A peer has a name, `start(folder, port, sink, auth_http)` and the processes to be measured. What cannot be installed says
so by raising Missing.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


class Missing(Exception):
    """The peer is not on this machine; the text says what to install."""


def need(program, package):
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Missing(f"{program} is not installed (package {package})")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_greeting(port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as client:
                client.settimeout(5)
                if client.recv(512).startswith(b"220"):
                    client.sendall(b"QUIT\r\n")
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"no greeting on port {port}")


class Peer:
    """One gateway under test. `processes()` is its whole tree."""

    can_hold = True  # thousands of idle connections at once
    refused_recipient = "b@elsewhere.example.com"

    def __init__(self, folder, sink_port, auth_port):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.port = free_port()
        self.sink_port = sink_port
        self.auth_port = auth_port
        self.process = None

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def spawn(self, *command, **more):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **more)
        return self.process

    def start(self):
        self.launch()
        try:
            wait_for_greeting(self.port)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{self.name}: {error}: {(self.folder / 'output').read_text()[-800:]}") from error
        return self

    def processes(self):
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    parent = int(pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    continue
                children.setdefault(parent, []).append(int(entry))
        tree, at = [self.process.pid], 0
        while at < len(tree):
            tree += children.get(tree[at], [])
            at += 1
        return tree

    def cpu_seconds(self):
        """User and system time of the tree, with that of children already reaped."""
        ticks = 0
        for pid in self.processes():
            try:
                fields = pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def pss_bytes(self):
        total = 0
        for pid in self.processes():
            try:
                text = pathlib.Path("/proc", str(pid), "smaps_rollup").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
        return total

    def stop(self):
        tree = self.processes()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        for pid in tree:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(5)


class Direct(Peer):
    """No gateway: the sink itself, the base of the added latency."""
    name = "direct"

    def start(self):
        self.port = self.sink_port
        return self

    def processes(self):
        return []

    def stop(self):
        pass


class Caronte(Peer):
    name = "caronte"
    build = None  # set by run
    checks = ""  # further elements of the configuration
    domain = '<domain name="example.org"/>'

    def launch(self):
        caronted = pathlib.Path(self.build, "master", "caronted")
        if not caronted.exists():
            raise Missing(f"{caronted} is not built")
        (self.folder / "lists").mkdir()
        for name, text in {"recipients": "b@example.org\n", "hell": "192.0.2.0/24\n", "trusted": "127.0.0.99\n"}.items():
            (self.folder / "lists" / name).write_text(text)
        configuration = self.write("caronte.xml", f"""<?xml version="1.0" encoding="UTF-8"?>
<caronte>
  <server name="gateway.example.org" state="state" run="run" workers="1"/>
  <listen address="127.0.0.1" port="{self.port}"/>
  <destination><server address="127.0.0.1" port="{self.sink_port}"/></destination>
  <domains>{self.domain}</domains>
  <limits sessions="20000" sessions-per-address="500" message-size="100M"/>
  <log level="1" folder="log"/>
  {self.checks}
</caronte>
""")
        self.spawn(str(caronted), "-F", "-f", str(configuration), "-l", str(self.build))


class CaronteChecked(Caronte):
    """Every check that there is before the sender's identity is known, none of which a good client meets."""
    name = "caronte-checks"
    refused_recipient = "nobody@example.org"  # unknown to the list: policy refuses, not the guard
    domain = '<domain name="example.org" recipients="lists/recipients"/>'
    tarpit = '<tarpit greeting="0s"/>'

    @property
    def checks(self):
        return f"""<trusted list="lists/trusted"/>
  <rate messages="1000000" minutes="10" action="defer"/>
  <recipients invalid="5" valid="100" action="refuse"/>
  <sender null="score" local-unauthorised="refuse"/>
  <characters action="refuse"/>
  <backscatter messages="100" within="10m" action="refuse"/>
  <hell list="lists/hell"/>
  {self.tarpit}"""


class CaronteTarpit(CaronteChecked):
    """Holds everybody."""
    name = "caronte-tarpit"
    tarpit = '<tarpit greeting="5m" maximum="20000"/>'

    def start(self):
        self.launch()
        time.sleep(3)  # nobody is greeted
        return self


class CaronteFlooded(CaronteChecked):
    """As an administrator under attack would have it."""
    name = "caronte-flooded"
    tarpit = """<tarpit greeting="0s" delay="60s" early-talkers="ban" maximum="2000"/>
  <repeat-offenders offences="3" within="10m" ban="1h"/>"""


class HaProxy(Peer):
    name = "haproxy"

    def launch(self):
        configuration = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 9900
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen smtp
  bind 127.0.0.1:{self.port}
  server sink 127.0.0.1:{self.sink_port}
""")
        self.spawn(need("haproxy", "haproxy"), "-db", "-f", str(configuration))


class Nginx(Peer):
    name = "nginx"

    def launch(self):
        module = pathlib.Path("/usr/lib/nginx/modules/ngx_mail_module.so")
        if not module.exists():
            raise Missing("ngx_mail_module.so is not installed (package libnginx-mod-mail)")
        configuration = self.write("nginx.conf", f"""
load_module {module};
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log error;
events {{ worker_connections 20000; }}
mail {{
  server_name gateway.example.org;
  auth_http 127.0.0.1:{self.auth_port}/;
  proxy_pass_error_message on;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    protocol smtp;
    smtp_auth none;
    xclient off;
    timeout 10m;
    smtp_capabilities PIPELINING 8BITMIME "SIZE 104857600";
  }}
}}
""")
        self.spawn(need("nginx", "nginx-light"), "-c", str(configuration), "-p", str(self.folder))


class Postfix(Peer):
    name = "postfix"
    front = "smtpd"
    can_hold = False  # a process a connection: 150 of them

    def launch(self):
        postfix = need("postfix", "postfix")
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        user = pwd.getpwnam("postfix")
        os.chown(self.folder / "data", user.pw_uid, user.pw_gid)
        proxy = f"-o smtpd_proxy_filter=127.0.0.1:{self.sink_port} -o smtpd_proxy_options=speed_adjust"
        if self.front == "smtpd":
            services = f"127.0.0.1:{self.port} inet n - n - 150 smtpd {proxy}\n"
        else:
            services = f"127.0.0.1:{self.port} inet n - n - 1 postscreen\nsmtpd pass - - n - 150 smtpd {proxy}\n"
        (self.folder / "etc" / "master.cf").write_text(services + """
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
""")
        (self.folder / "etc" / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
maillog_file = {self.folder}/log
maillog_file_prefixes = {self.folder}
myhostname = gateway.example.org
mydestination = example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1
smtpd_relay_restrictions = reject_unauth_destination
local_recipient_maps =
alias_maps =
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
message_size_limit = 104857600
default_process_limit = 150
smtpd_proxy_timeout = 600s
postscreen_access_list = permit_mynetworks
postscreen_greet_wait = 1s
postscreen_cache_map = btree:$data_directory/postscreen_cache
postscreen_client_connection_count_limit = 20000
postscreen_pre_queue_limit = 20000
postscreen_post_queue_limit = 20000
""")
        subprocess.run([postfix, "-c", str(self.folder / "etc"), "check"], check=False, capture_output=True)
        master = pathlib.Path(subprocess.run(["postconf", "-h", "daemon_directory"], check=True, capture_output=True,
                                             text=True).stdout.strip(), "master")
        self.spawn(str(master), "-c", str(self.folder / "etc"), "-s")


class Postscreen(Postfix):
    name = "postscreen"
    front = "postscreen"
    can_hold = False  # whom it lets through (loopback here) it hands to an smtpd each


class Haraka(Peer):
    name = "haraka"
    home = None  # the folder with node_modules/Haraka; set by run

    def launch(self):
        if self.home is None or not pathlib.Path(self.home, "node_modules", "Haraka").exists():
            raise Missing("Haraka is not installed (README.md says how; --haraka FOLDER)")
        config = self.folder / "config"
        config.mkdir()
        for name, text in {
                "smtp.ini": f"listen=127.0.0.1:{self.port}\nnodes=0\n",
                "plugins": "no_rdns\nrcpt_to.in_host_list\nqueue/smtp_proxy\n",
                "host_list": "example.org\n",
                "me": "gateway.example.org\n",
                "loglevel": "LOGERROR\n",
                "connection.ini": "[main]\n[haproxy]\n[headers]\nmax_lines=1000\nmax_received=100\n"
                                  "[max]\nbytes=104857600\nmime_parts=1000\nline_length=512\ndata_line_length=992\n"
                                  "[message]\ngreeting[]=ready\nhelo=Haraka is at your service.\n"
                                  "close=closing connection. Have a jolly good day.\n"
                                  "[uuid]\nbanner_chars=6\ndeny_chars=0\n",
                "smtp_proxy.ini": f"host=127.0.0.1\nport={self.sink_port}\n",
        }.items():
            (config / name).write_text(text)
        plugins = self.folder / "plugins"
        plugins.mkdir()
        # Haraka asks DNS for the name of every client; a slow resolver would be measured
        (plugins / "no_rdns.js").write_text("exports.hook_lookup_rdns = (next) => next(OK, 'Unknown')\n")
        self.spawn(need("node", "nodejs"), str(pathlib.Path(self.home, "node_modules", "Haraka", "bin", "haraka")), "-c", str(self.folder))


PEERS = [Direct, HaProxy, Nginx, Postfix, Postscreen, Haraka, Caronte, CaronteChecked]
