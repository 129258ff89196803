"""Lists: trusted clients (IW-5, IW-6), every form of an entry (IW-7, Q28), host names (Q27), the recipients of a domain (Q3), bad
lists, and carontectl list."""

import os
import signal
import stat
import unittest

from case import FOREIGN, LOCAL, STRANGER, Case, wait_for_offer
from gateway import wait_until
from name_server import DnsRelay, NameServer

DENIED = "550 5.7.1 Relaying denied"
TRUSTED = "127.0.8.1"
LIST = {"list": "lists/trusted"}


class ListCase(Case):
    def start(self, *, trusted=None, white=None, lists=None, **options):
        """A gateway with these entries in its lists; None: without the element."""
        lists = dict(lists or {})
        if trusted is not None:
            lists["trusted"] = trusted
            options["trusted"] = LIST
        if white is not None:
            lists["white"] = white
            options["white"] = {"list": "lists/white"}
        self.destination = self.sink()
        gateway = self.gateway(self.destination, lists=lists, **options)
        wait_for_offer(gateway, "PIPELINING")
        return gateway

    def try_to_relay(self, gateway, source, recipient=FOREIGN, **options):
        """The reply to a recipient elsewhere."""
        with gateway.client(source=source, **options) as client:
            client.hello()
            client.command("MAIL FROM:<someone@elsewhere.example.com>", 250)
            reply = client.command(f"RCPT TO:<{recipient}>")
            client.command("QUIT", 221)
        return reply

    def may_relay(self, gateway, source, **options):
        reply = self.try_to_relay(gateway, source, **options)
        if reply.code != 250:
            self.assertTrue(reply.first.startswith(DENIED), reply)
        return reply.code == 250

    def events(self, gateway, part):
        return [text for record in gateway.records("event") if part in (text := record.get("text") or "")]


class TrustedTest(ListCase):
    def test_IW_5_trusted_may_relay_without_logging_in(self):
        gateway = self.start(trusted=["# ours", TRUSTED])
        with gateway.client(source=TRUSTED) as client:
            client.hello()
            client.deliver(recipients=[FOREIGN])
            client.quit()
        self.assertEqual(self.destination.messages[-1].recipients, [f"RCPT TO:<{FOREIGN}>".encode()])
        self.assertEqual(gateway.wait_for_record(lambda r: r.get("client") == TRUSTED).get("classes"), "trusted")
        self.assertFalse(self.may_relay(gateway, STRANGER))

    def test_IW_5_off(self):
        gateway = self.start(lists={"trusted": [TRUSTED]})
        self.assertFalse(self.may_relay(gateway, TRUSTED))

    def test_IW_5_a_changed_file_is_read_again(self):
        gateway = self.start(trusted=[TRUSTED, "127.0.8.2"])
        self.assertTrue(self.may_relay(gateway, TRUSTED))
        gateway.write_list("trusted", ["127.0.8.2", "127.0.8.3"])
        wait_until(lambda: not self.may_relay(gateway, TRUSTED), 15, "the list is read anew")
        self.assertTrue(self.may_relay(gateway, "127.0.8.3"))

    def test_IW_5_session_keeps_the_list_it_began_with(self):
        gateway = self.start(trusted=[TRUSTED])
        client = self.ready(gateway, source=TRUSTED)
        gateway.write_list("trusted", [])
        gateway.reload()
        client.command("MAIL FROM:<someone@elsewhere.example.com>", 250)
        client.command(f"RCPT TO:<{FOREIGN}>", 250)
        self.assertFalse(self.may_relay(gateway, TRUSTED))

    def test_IW_6_two_effects_two_switches(self):
        """Without the bypass they may still relay."""
        for bypass in ("yes", "no"):
            with self.subTest(bypass):
                gateway = self.bypassing(bypass)
                self.assertTrue(self.may_relay(gateway, TRUSTED))
                self.assertFalse(self.may_relay(gateway, STRANGER))

    def bypassing(self, bypass):
        self.destination = self.sink()
        gateway = self.gateway(self.destination, lists={"trusted": [TRUSTED]}, trusted={**LIST, "bypass-antispam": bypass})
        wait_for_offer(gateway, "PIPELINING")
        return gateway

    def test_bounds_on_recipients_hold_for_trusted_clients(self):
        """Section 5, item 10: the caps apply to them, and FW-9 does not."""
        gateway = self.start(trusted=[TRUSTED], recipients={"maximum": 1}, limits={"sessions-per-address": 2})
        clients = [self.ready(gateway, source=TRUSTED) for _ in range(4)]
        clients[3].command("MAIL FROM:<someone@elsewhere.example.com>", 250)
        clients[3].command(f"RCPT TO:<{FOREIGN}>", 250)
        clients[3].command(f"RCPT TO:<{LOCAL}>", "452 4.5.3")
        for _ in range(2):
            self.ready(gateway)
        with self.assertRaises(AssertionError):
            self.client(gateway)

    def test_IW_7_every_form_of_an_entry(self):
        """Q28 too: entry, who is in it, who is just outside."""
        forms = (
            ("127.0.8.7", ["127.0.8.7"], ["127.0.8.6", "127.0.8.8"]),
            ("127.0.8.0/30", ["127.0.8.0", "127.0.8.3"], ["127.0.7.255", "127.0.8.4"]),
            ("127.0.8.0/255.255.255.252", ["127.0.8.0", "127.0.8.3"], ["127.0.8.4"]),
            ("127.0.8.10-50", ["127.0.8.10", "127.0.8.50"], ["127.0.8.9", "127.0.8.51"]),
            ("127.0.8.250-127.0.10.3", ["127.0.8.250", "127.0.9.77", "127.0.10.3"], ["127.0.8.249", "127.0.10.4"]),
            ("127.0.8.*", ["127.0.8.0", "127.0.8.255"], ["127.0.9.0"]),
            ("127.0.*.*", ["127.0.8.1", "127.0.255.255"], ["127.1.0.0"]),
            ("  127.0.8.7   # comment", ["127.0.8.7"], ["127.0.8.8"]),
            ("::1", [None], ["127.0.8.7"]),
            ("::/64", [None], ["127.0.8.7"]),
            ("::-::5", [None], ["127.0.8.7"]),
            ("2001:db8::/32", [], [None]),
        )
        gateway = self.start(trusted=[])
        for entry, inside, outside in forms:
            with self.subTest(entry):
                gateway.write_list("trusted", [entry])
                gateway.reload()
                for source in inside:
                    self.assertTrue(self.may_relay(gateway, source, ipv6=source is None), source)
                for source in outside:
                    self.assertFalse(self.may_relay(gateway, source, ipv6=source is None), source)

    def test_bad_line_is_named_and_the_old_list_kept(self):
        gateway = self.start(trusted=[TRUSTED])
        gateway.write_list("trusted", [TRUSTED, "127.0.8.2", "127.0.8.300", "127.0.8.4"])
        wait_until(lambda: self.events(gateway, "lists/trusted:3:"), 15, "the complaint")
        self.assertTrue(self.may_relay(gateway, TRUSTED))
        self.assertFalse(self.may_relay(gateway, "127.0.8.2"))
        with self.subTest("an explicit reload is refused, with file and line and without the entry"):
            result = gateway.control("reload")
            self.assertEqual(result.returncode, 1)
            self.assertIn("lists/trusted:3: trusted list: not an address", result.stderr)
            self.assertNotIn("300", result.stderr)
        gateway.write_list("trusted", [TRUSTED, "127.0.8.2"])
        wait_until(lambda: self.may_relay(gateway, "127.0.8.2"), 15, "the mended list")

    def test_list_that_shrank_waits_for_the_administrator(self):
        gateway = self.start(trusted=[f"127.0.8.{number}" for number in range(1, 40)])
        gateway.write_list("trusted", ["127.0.8.1"])
        wait_until(lambda: self.events(gateway, "lists/trusted"), 15, "the complaint")
        self.assertTrue(self.may_relay(gateway, "127.0.8.39"))
        gateway.reload()
        self.assertFalse(self.may_relay(gateway, "127.0.8.39"))
        self.assertTrue(self.may_relay(gateway, "127.0.8.1"))

    def test_a_hundred_thousand_lines(self):
        lines = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(100_000)]
        gateway = self.start(trusted=[*lines, TRUSTED])
        self.assertTrue(self.may_relay(gateway, TRUSTED))
        self.assertFalse(self.may_relay(gateway, STRANGER))

    def test_FW_13_list_of_hell(self):
        gateway = self.start(lists={"hell": ["# gone", TRUSTED]}, hell={"list": "lists/hell"})
        with gateway.client(source=TRUSTED, greeting=554) as client:
            client.expect_eof()
        self.ready(gateway)
        gateway.write_configuration(hell={"list": ""})
        gateway.reload()
        self.ready(gateway, source=TRUSTED)


class HostNameTest(ListCase):
    """IW-7, Q27, with a real name server. verified.names.example is 127.0.3.1; the PTR of 127.0.3.2 says elsewhere.names.example,
    which is 127.0.3.99."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(NameServer())

    def start(self, **options):
        self.relay = self.enterContext(DnsRelay(self.server.endpoint))
        return super().start(dns={"servers": self.relay.text, "timeout": "2s"}, **options)

    def wait_for_names(self, gateway, count):
        def resolved():
            return any(line.split()[-2:] == ["host-names-resolved", str(count)]
                       for line in gateway.control("status").stdout.splitlines())
        wait_until(resolved, what=f"{count} names resolved")

    def test_IW_7_host_names(self):
        gateway = self.start(trusted=["Verified.Names.EXAMPLE.", "elsewhere.names.example", "six.names.example"])
        self.wait_for_names(gateway, 3)
        for source in ("127.0.3.1", "127.0.3.99"):
            self.assertTrue(self.may_relay(gateway, source), source)
        self.assertTrue(self.may_relay(gateway, None, ipv6=True))
        with self.subTest("a PTR alone can be forged"):
            self.assertFalse(self.may_relay(gateway, "127.0.3.2"))
        self.assertFalse(self.may_relay(gateway, STRANGER))

    def test_Q27_name_that_does_not_resolve_matches_nothing(self):
        gateway = self.start(trusted=["# none", "missing.names.example", TRUSTED])
        wait_until(lambda: self.events(gateway, "list trusted, line 2: the host name has no address"), what="the event")
        self.assertTrue(self.may_relay(gateway, TRUSTED))
        self.assertFalse(self.may_relay(gateway, STRANGER))

    def test_Q27_a_list_that_comes_later(self):
        gateway = self.start(trusted=["verified.names.example"])
        self.wait_for_names(gateway, 1)
        gateway.write_list("trusted", ["two.names.example"])
        gateway.reload()
        wait_until(lambda: self.try_to_relay(gateway, "127.0.3.3").code == 250, what="the new name")
        self.assertFalse(self.may_relay(gateway, "127.0.3.1"))

    def test_IW_7_host_names_off(self):
        """Without <dns> they match nothing, and a warning says so."""
        self.destination = self.sink()
        gateway = self.gateway(self.destination, lists={"trusted": ["verified.names.example"]}, trusted=LIST)
        self.assertFalse(self.may_relay(gateway, "127.0.3.1"))
        self.assertIn("without <dns> the host names in it match nothing", gateway.control("reload").stdout)

    def test_L1_7_white_by_name(self):
        gateway = self.start(white=["verified.names.example"])
        self.wait_for_names(gateway, 1)
        self.assertFalse(self.may_relay(gateway, "127.0.3.1"))
        self.assertEqual(gateway.wait_for_record(lambda r: r.get("client") == "127.0.3.1").get("classes"), "white")

    def test_our_own_slowness_refuses_nobody(self):
        """While a name is looked up for the first time, what the guard would refuse is deferred."""
        self.relay = self.enterContext(DnsRelay(self.server.endpoint))
        self.relay.hold()
        self.destination = self.sink()
        gateway = self.gateway(self.destination, lists={"trusted": ["verified.names.example"]}, trusted=LIST,
                               dns={"servers": self.relay.text, "timeout": "20s", "reverse": "no"})
        wait_until(lambda: self.relay.asked("verified.names.example"), what="the question")
        self.assertEqual(self.try_to_relay(gateway, "127.0.3.1").code, 451)
        self.assertEqual(self.try_to_relay(gateway, "127.0.3.1", LOCAL).code, 250)
        self.relay.release()
        self.wait_for_names(gateway, 1)
        self.assertTrue(self.may_relay(gateway, "127.0.3.1"))
        self.assertFalse(self.may_relay(gateway, STRANGER))

    def test_names_outlive_dnsd_and_a_dead_name_server(self):
        gateway = self.start(trusted=["verified.names.example"], expects_deaths=True)
        self.wait_for_names(gateway, 1)
        self.relay.swallow()
        dnsd = gateway.worker("dnsd")
        os.kill(dnsd, signal.SIGKILL)
        wait_until(lambda: gateway.workers("dnsd") not in ([], [dnsd]), what="a new dnsd")
        self.assertTrue(self.may_relay(gateway, "127.0.3.1"))


class RecipientsTest(ListCase):
    """Q3: a domain with a list of its recipients."""

    def start(self, lines, **options):
        domains = [{"name": "local.example.org", "recipients": "lists/recipients"}, "other.example.org"]
        return super().start(domains=domains, lists={"recipients": lines}, **options)

    def test_Q3_unknown_recipients_are_refused_here(self):
        gateway = self.start(["# people", "User", "anna@local.example.org", "b*", '"c d"'])
        known = ("user@local.example.org", "USER@LOCAL.example.org", "Anna@local.example.org", "b*@local.example.org",
                 '"c d"@local.example.org', '"anna"@local.example.org', "postmaster@local.example.org", "anyone@other.example.org",
                 "Postmaster")
        unknown = ("dora@local.example.org", "bea@local.example.org", "anna.x@local.example.org", '"c  d"@local.example.org')
        for recipient in known:
            self.assertEqual(self.try_to_relay(gateway, STRANGER, recipient).code, 250, recipient)
        connections = self.destination.connections
        for recipient in unknown:
            self.assertTrue(self.try_to_relay(gateway, STRANGER, recipient).first.startswith("550 5.1.1"), recipient)
        self.assertEqual(self.destination.connections, connections)  # the destination never hears of them
        with self.subTest("the list changes"):
            gateway.write_list("recipients", ["dora", "eve"])
            gateway.reload()
            self.assertEqual(self.try_to_relay(gateway, STRANGER, "dora@local.example.org").code, 250)
            self.assertTrue(self.try_to_relay(gateway, STRANGER, "anna@local.example.org").first.startswith("550 5.1.1"))

    def test_Q3_off(self):
        gateway = ListCase.start(self, lists={"recipients": ["anna"]})
        self.assertEqual(self.try_to_relay(gateway, STRANGER, "dora@local.example.org").code, 250)

    def test_three_hundred_domains(self):
        """More lists than config-reader may have descriptors."""
        domains = [{"name": f"d{i}.example.org", "recipients": f"lists/r{i}"} for i in range(300)]
        gateway = ListCase.start(self, domains=domains, lists={f"r{i}": [f"user{i}"] for i in range(300)})
        gateway.reload()
        for place in (0, 150, 299):
            self.assertEqual(self.try_to_relay(gateway, STRANGER, f"user{place}@d{place}.example.org").code, 250)
            reply = self.try_to_relay(gateway, STRANGER, f"user{place}@d{(place + 1) % 300}.example.org")
            self.assertTrue(reply.first.startswith("550 5.1.1"), reply)

    def test_bad_line_keeps_the_old_list(self):
        gateway = self.start(["anna"])
        gateway.write_list("recipients", ["dora", "not one address"])
        wait_until(lambda: self.events(gateway, "lists/recipients:2:"), 15, "the complaint")
        self.assertEqual(self.try_to_relay(gateway, STRANGER, "anna@local.example.org").code, 250)
        self.assertTrue(self.try_to_relay(gateway, STRANGER, "dora@local.example.org").first.startswith("550 5.1.1"))


class ListCommandTest(ListCase):
    """carontectl list."""

    def list(self, gateway, *words, code=0):
        result = gateway.control("list", *words)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def test_IW_5_round_trip(self):
        gateway = self.start(trusted=["# head", "127.0.8.2   # two", "", "127.0.8.3"])
        path = gateway.folder / "lists" / "trusted"
        path.chmod(0o640)
        with self.subTest("add"):
            self.list(gateway, "trusted", "add", TRUSTED, "127.0.9.0/24")
            self.assertTrue(self.may_relay(gateway, TRUSTED))
            self.assertTrue(self.may_relay(gateway, "127.0.9.9"))
            self.assertEqual(path.read_text(), "# head\n127.0.8.2   # two\n\n127.0.8.3\n127.0.8.1\n127.0.9.0/24\n")
        with self.subTest("show, in order"):
            shown = self.list(gateway, "trusted", "show").stdout
            self.assertEqual([line.split() for line in shown.splitlines()],
                             [["2", "127.0.8.2", "#", "two"], ["4", "127.0.8.3"], ["5", TRUSTED], ["6", "127.0.9.0/24"]])
        with self.subTest("move"):
            self.list(gateway, "trusted", "move", TRUSTED, "up")
            self.list(gateway, "trusted", "move", "127.0.8.2", "down")
            self.list(gateway, "trusted", "move", "127.0.9.0/24", "to", "1")
            self.assertEqual(path.read_text(), "# head\n127.0.9.0/24\n\n127.0.8.1\n127.0.8.2   # two\n127.0.8.3\n")
            self.assertTrue(self.may_relay(gateway, TRUSTED))
        with self.subTest("remove, which an administrator means"):
            self.list(gateway, "trusted", "remove", TRUSTED, "127.0.9.0-255", "127.0.8.2")
            self.assertFalse(self.may_relay(gateway, TRUSTED))
            self.assertTrue(self.may_relay(gateway, "127.0.8.3"))
            self.assertEqual(path.read_text(), "# head\n\n127.0.8.3\n")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.assertEqual([one.name for one in path.parent.iterdir()], ["trusted"])

    def test_what_is_wrong_is_not_saved(self):
        gateway = self.start(trusted=[TRUSTED, "127.0.9.0/24"], relay=["127.0.7.1"])
        path = gateway.folder / "lists" / "trusted"
        before = (path.read_text(), path.stat().st_mtime_ns)
        for words, text in (
                (("add", TRUSTED), "127.0.8.1 is in line 1 already"),
                (("add", "127.0.9.*"), "is in line 2 already"),
                (("add", "127.0.8.5", "127.0.8.300"), "127.0.8.300: not an address"),
                (("remove", "127.0.8.9"), "127.0.8.9 is not in the list"),
                (("move", TRUSTED, "up"), "is the first entry"),
                (("move", TRUSTED, "to", "3"), "there are 2 entries")):
            with self.subTest(words):
                self.assertIn(text, self.list(gateway, "trusted", *words, code=1).stderr)
        self.assertEqual((path.read_text(), path.stat().st_mtime_ns), before)
        with self.subTest("a list that is wrong already"):
            gateway.write_list("trusted", [TRUSTED, "nonsense"])
            self.assertIn("trusted:2: not an address", self.list(gateway, "trusted", "add", "127.0.8.2", code=1).stderr)
        with self.subTest("host names have no place in the relay list"):
            self.assertIn("host names are not taken here", self.list(gateway, "relay", "add", "mail.example.org", code=1).stderr)
        with self.subTest("no such list in the configuration"):
            self.assertIn("the configuration has no list", self.list(gateway, "white", "show", code=1).stderr)
        for words in ((), ("trusted",), ("nogrey", "show"), ("trusted", "add"), ("trusted", "show", "x"), ("trusted", "move", "x"),
                      ("trusted", "move", "x", "to"), ("trusted", "move", "x", "to", "0"), ("trusted", "swap", "x")):
            with self.subTest(words):
                self.assertIn("usage", self.list(gateway, *words, code=64).stderr)

    def test_gateway_that_does_not_run(self):
        gateway = self.start(trusted=[TRUSTED])
        gateway.stop()
        self.list(gateway, "trusted", "show", code=2)
        gateway._process = None


if __name__ == "__main__":
    unittest.main()
