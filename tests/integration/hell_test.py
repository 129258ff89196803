"""Hell: FW-13 with Q8 and Q9, and Q28 for its addresses. Each also with the element absent."""

import os
import signal
import subprocess
import threading
import time
import unittest

from case import RELAY, STRANGER, Case
from control_client import Control
from gateway import Unexpected, wait_until
from master_case import deliver, settle

OTHER = "127.0.1.6"
REFUSED = b"554 5.7.1 Refused\r\n"


class HellTest(Case):
    def hell(self, gateway, *words, code=0, timeout=60):
        """carontectl hell ...; its standard output."""
        result = gateway.control("hell", *words, timeout=timeout)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def expect_refused(self, gateway, source=STRANGER, **options):
        client = self.client(gateway, source=source, greeting=554, **options)
        self.assertEqual(client.greeting.raw, REFUSED)
        client.expect_eof()

    def is_served(self, gateway, source=STRANGER):
        try:
            with gateway.client(source=source) as client:
                client.quit()
            return True
        except Unexpected as error:
            self.assertEqual(error.reply.code, 554)
            return False

    def entries(self, gateway):
        """[(address, time, reason)] of the export"""
        lines = [line for line in self.hell(gateway, "export").splitlines() if not line.startswith("#")]
        return [tuple((line.split(" ", 2) + [""])[:3]) for line in lines]

    # ---------------------------------------------------------------------------------------------------------- FW-13
    def test_FW_13_refused_now_and_accepted_when_the_time_is_over(self):
        sink = self.sink()
        gateway = self.gateway(sink, hell={})
        deliver(gateway)
        called = sink.connections
        begun = time.monotonic()
        self.assertEqual(self.hell(gateway, "add", STRANGER, "-t", "6s", "-r", "spam run"), "")
        self.expect_refused(gateway)
        with self.subTest("a client that talks at once gets no more"):
            client = self.client(gateway, greeting=None)
            client.line("EHLO x")
            self.assertEqual(client.drain(), REFUSED)
        with self.subTest("another address is untouched, and no refusal has called the destination"):
            deliver(gateway, source=OTHER)
            self.assertLessEqual(sink.connections, called + 1)
        with self.subTest("the record tells why"):
            record = gateway.wait_for_record(lambda r: r.get("reason") == "hell")
            self.assertEqual((record.get("client"), record.get("outcome")), (STRANGER, "refused"))
        with self.subTest("status counts"):
            with Control(gateway.folder / "run" / "policyd.sock") as control:
                found = control.status()[0]
            self.assertEqual(found["memory"]["policyd.0"]["hell"], "1")
            self.assertGreaterEqual(int(found["counter"]["policyd.0"]["refused-hell"]), 2)
        with self.subTest("list"):
            line = self.hell(gateway, "list").splitlines()[1].split()
            self.assertEqual((line[0], line[1], line[-2:]), (STRANGER, "hand", ["spam", "run"]))
        wait_until(lambda: self.is_served(gateway), 15, "the time is over")
        self.assertGreaterEqual(time.monotonic() - begun, 4.9)
        deliver(gateway)
        wait_until(lambda: self.entries(gateway) == [], 15, "the entry is forgotten")

    def test_FW_13_off(self):
        gateway = self.gateway(self.sink())  # no <hell>
        self.assertIn("nobody is refused", self.hell(gateway, "add", STRANGER, "-t", "0"))
        deliver(gateway)
        with self.subTest("and on"):
            gateway.write_configuration(hell={})
            gateway.reload()
            self.expect_refused(gateway)

    def test_FW_13_usual_time_is_a_setting(self):
        gateway = self.gateway(self.sink(), hell={"time": "2d"})
        self.hell(gateway, "add", OTHER)
        left = self.hell(gateway, "list").splitlines()[1]
        self.assertTrue("1d 23h" in left or "2d 0h" in left, left)

    def test_FW_13_observed(self):
        gateway = self.gateway(self.sink(), hell={}, server={"observe": "yes"})
        self.hell(gateway, "add", STRANGER)
        deliver(gateway)
        with self.subTest("and not"):
            gateway.write_configuration(server={"observe": "no"})
            gateway.reload()
            self.expect_refused(gateway)

    def test_FW_13_entries_survive_a_restart(self):
        gateway = self.gateway(self.sink(), hell={}, expects_deaths=True)
        self.hell(gateway, "add", STRANGER, "-t", "1h", "-r", "by me")
        self.hell(gateway, "add", "127.0.1.64-127.0.1.80", "-t", "0")
        before = self.entries(gateway)
        self.assertEqual(len(before), 2 + 1)  # 127.0.1.64/28 and 127.0.1.80
        for pause in (0, 0.3, 1.5):
            with self.subTest("kill -9 of policyd", pause=pause):
                time.sleep(pause)  # before and after a sync of the store
                os.kill(gateway.worker("policyd"), signal.SIGKILL)
                settle(gateway)
                self.assertEqual(self.entries(gateway), before)
                self.expect_refused(gateway)
                self.expect_refused(gateway, source="127.0.1.70")
                deliver(gateway, source=OTHER)
        with self.subTest("what is removed stays away"):
            self.hell(gateway, "remove", STRANGER)
            os.kill(gateway.worker("policyd"), signal.SIGKILL)
            settle(gateway)
            deliver(gateway)
        with self.subTest("another caronted on the same state"):
            gateway.stop()
            (gateway.folder / "stderr").unlink()
            gateway._start(None, [])
            gateway.wait_until_ready()
            self.assertEqual([entry[0] for entry in self.entries(gateway)], ["127.0.1.64/28", "127.0.1.80"])
            self.expect_refused(gateway, source="127.0.1.80")
            deliver(gateway)

    # ------------------------------------------------------------------------------------------------------- Q8 and Q9
    def test_Q8_the_reply_is_a_setting(self):
        gateway = self.gateway(self.sink(), hell={"reply": "554 5.7.0 Lasciate ogni speranza"})
        self.hell(gateway, "add", STRANGER)
        client = self.client(gateway, greeting=554)
        self.assertEqual(client.greeting.raw, b"554 5.7.0 Lasciate ogni speranza\r\n")
        client.expect_eof()

    def test_Q8_mute_closes_without_a_word(self):
        gateway = self.gateway(self.sink(), hell={"mute": "yes"})
        self.hell(gateway, "add", STRANGER)
        client = self.client(gateway, greeting=None)
        self.assertEqual(client.drain(), b"")
        record = gateway.wait_for_record(lambda r: r.get("reason") == "hell")
        self.assertEqual(record.get("client"), STRANGER)
        with self.subTest("and not"):
            gateway.write_configuration(hell={"mute": "no"})
            gateway.reload()
            self.expect_refused(gateway)

    def test_Q9_hell_comes_before_the_relay_list(self):
        gateway = self.gateway(self.sink(), hell={}, relay=[RELAY])
        deliver(gateway, source=RELAY)
        self.hell(gateway, "add", RELAY, "-t", "0")
        self.expect_refused(gateway, source=RELAY)
        self.hell(gateway, "remove", RELAY)
        deliver(gateway, source=RELAY)

    def talk_early(self, gateway, source):
        """A client that does not wait for its greeting; what it got."""
        with gateway.client(source=source, greeting=None) as client:
            client.line("EHLO x")
            return client.drain()

    def sources(self, gateway):
        """{address: where it comes from} of the list"""
        return {line.split()[0]: line.split()[1] for line in self.hell(gateway, "list").splitlines()[1:]}

    def test_FW_13_a_ban_puts_the_client_into_hell(self):
        gateway = self.gateway(self.sink(), hell={"time": "5s"}, tarpit={"greeting": "2s", "early-talkers": "ban"})
        self.assertTrue(self.talk_early(gateway, STRANGER).startswith(b"5"))
        self.assertEqual(self.sources(gateway), {STRANGER: "ban"})
        self.expect_refused(gateway)
        wait_until(lambda: self.is_served(gateway), 20, "the time of the ban is over")
        with self.subTest("without <hell> it is refused, and no more"):
            gateway.write_configuration(hell=None)
            gateway.reload()
            self.assertTrue(self.talk_early(gateway, OTHER).startswith(b"5"))
            self.assertNotIn(OTHER, self.sources(gateway))

    def test_Q9_a_ban_never_hits_the_white_list(self):
        settings = {"hell": {}, "tarpit": {"greeting": "1s", "early-talkers": "refuse"},
                    "repeat_offenders": {"offences": 1, "ban": "1h", "range4": 29}}
        gateway = self.gateway(self.sink(), white={"list": "lists/white"}, lists={"white": [OTHER]}, **settings)
        self.assertTrue(self.talk_early(gateway, OTHER).startswith(b"5"))
        self.assertEqual(self.sources(gateway), {})
        deliver(gateway, source=OTHER)
        with self.subTest("nor does the range of its neighbour"):
            self.assertTrue(self.talk_early(gateway, STRANGER).startswith(b"5"))
            self.assertEqual(self.sources(gateway), {STRANGER: "ban"})
            self.expect_refused(gateway)
            deliver(gateway, source=OTHER)
        with self.subTest("without the list the range is banned"):
            self.hell(gateway, "clear")
            gateway.write_configuration(white=None)
            gateway.reload()
            self.assertTrue(self.talk_early(gateway, STRANGER).startswith(b"5"))
            self.assertEqual(self.sources(gateway), {"127.0.1.0/29": "ban"})
            self.expect_refused(gateway, source=OTHER)

    # ------------------------------------------------------------------------------------------------------- list file
    def test_FW_13_list_file(self):
        gateway = self.gateway(self.sink(), hell={"list": "lists/hell"}, lists={"hell": [STRANGER, "127.0.1.64/28  # these too"]})
        self.expect_refused(gateway)
        self.expect_refused(gateway, source="127.0.1.70")
        deliver(gateway, source=OTHER)
        with Control(gateway.folder / "run" / "policyd.sock") as control:
            self.assertEqual(control.status()[0]["memory"]["policyd.0"]["hell-list"], "2")
        with self.subTest("a changed file counts once it is at rest"):
            gateway.write_list("hell", ["127.0.1.64/28", OTHER])
            wait_until(lambda: self.is_served(gateway), 20, "the new list")
            self.expect_refused(gateway, source=OTHER)

    # --------------------------------------------------------------------------------------------------------- control
    def test_Q28_ranges_by_hand(self):
        gateway = self.gateway(self.sink(), hell={})
        self.hell(gateway, "add", "127.0.1.4-6", "2001:db8::/32", "127.0.2.0/255.255.255.0")
        self.assertEqual([entry[0] for entry in self.entries(gateway)],
                         ["127.0.1.4/31", "127.0.1.6", "127.0.2.0/24", "2001:db8::/32"])
        for source in ("127.0.1.4", "127.0.1.5", "127.0.1.6", "127.0.2.200"):
            self.expect_refused(gateway, source=source)
        for source in ("127.0.1.3", "127.0.1.7", "127.0.3.1"):
            deliver(gateway, source=source)
        with self.subTest("an address inside of a network stays in it"):
            self.assertIn("127.0.2.0/24", self.hell(gateway, "remove", "127.0.2.7", code=1))
            self.expect_refused(gateway, source="127.0.2.7")
        with self.subTest("a network takes out what lies in it"):
            self.hell(gateway, "remove", "127.0.1.0/24")
            deliver(gateway)
        with self.subTest("what is not there"):
            self.assertIn("not in hell", self.hell(gateway, "remove", "127.0.9.9", code=1))
        with self.subTest("clear"):
            self.assertEqual(self.hell(gateway, "clear"), "2 entries removed\n")
            self.assertEqual(self.entries(gateway), [])
            deliver(gateway, source="127.0.2.7")
        with self.subTest("the log tells who was there"):
            gateway.wait_for_record(lambda r: "by hand" in (r.get("text") or ""), name="event")

    def test_what_is_no_command(self):
        gateway = self.gateway(self.sink(), hell={})
        for words in ((), ("add",), ("remove",), ("import",), ("damn",), ("list", "all"), ("clear", STRANGER), ("add", "host.example.org"),
                      ("add", STRANGER, "-t", "soon"), ("add", STRANGER, "-t", "2020-01-01T00:00:00Z"), ("add", STRANGER, "-r", "x" * 65),
                      ("remove", "127.0.1.5/8")):
            with self.subTest(words=words):
                self.assertTrue(self.hell(gateway, *words, code=64))
        self.assertEqual(self.entries(gateway), [])
        with self.subTest("not running"):
            gateway.stop()
            gateway._process = None
            self.hell(gateway, "list", code=2)

    def test_import_and_export(self):
        gateway = self.gateway(self.sink(), hell={"time": "1h"})
        file = gateway.folder / "entries"
        file.write_text(f"# by hand\n\n{STRANGER}\n127.0.2.0/24 0 a whole net # and more\n127.0.3.1-2 36d\n127.0.4.4 2020-01-01T00:00:00Z old\n"
                        "2001:db8::/32 2099-01-01T00:00:00Z until then")
        self.assertEqual(self.hell(gateway, "import", str(file)), "5 entries imported, 1 were over\n")
        first = self.hell(gateway, "export")
        self.assertIn("\n127.0.2.0/24 0 a whole net # and more\n", first)
        self.assertIn("\n2001:db8::/32 2099-01-01T00:00:00Z until then\n", first)
        self.expect_refused(gateway)
        self.expect_refused(gateway, source="127.0.3.2")
        deliver(gateway, source="127.0.4.4")
        with self.subTest("what was exported comes back the same"):
            self.hell(gateway, "clear")
            deliver(gateway)
            file.write_text(first)
            self.hell(gateway, "import", str(file))

            def stable(text):  # seconds may have been rounded
                return [line.split(" ", 1)[0] for line in text.splitlines()]
            second = self.hell(gateway, "export")
            self.assertEqual(stable(second), stable(first))
            self.assertIn("\n127.0.2.0/24 0 a whole net # and more\n", second)
            self.expect_refused(gateway)
        with self.subTest("a bad line: file and line are told, and nothing is taken"):
            file.write_text(f"{OTHER}\nno-address 1h\n127.0.1.7 soon\n")
            said = self.hell(gateway, "import", str(file), code=65)
            self.assertIn(f"{file}:2: ", said)
            self.assertIn(f"{file}:3: ", said)
            deliver(gateway, source=OTHER)
        with self.subTest("no such file"):
            self.hell(gateway, "import", str(file) + ".not", code=66)

    def test_a_hundred_thousand_entries(self):
        gateway = self.gateway(self.sink(), hell={})
        file = gateway.folder / "entries"
        count = 100_000
        file.write_text("".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255} 0 number {i}\n" for i in range(count)))
        calls, is_over = [], threading.Event()

        def call():
            while not is_over.is_set():
                begun = time.monotonic()
                deliver(gateway, source=OTHER)
                calls.append(time.monotonic() - begun)
                is_over.wait(0.02)
        caller = threading.Thread(target=call, daemon=True)
        caller.start()
        self.assertEqual(self.hell(gateway, "import", str(file), timeout=110), f"{count} entries imported, 0 were over\n")
        entries = self.entries(gateway)
        is_over.set()
        caller.join(20)
        self.assertEqual(len(entries), count)
        self.assertEqual(entries[77_777], ("10.1.47.209", "0", "number 77777"))
        with self.subTest("mail went on meanwhile"):
            self.assertGreater(len(calls), 5)
            self.assertLess(max(calls), 5.0)
        with self.subTest("a reader that stops reading delays nobody"):
            with Control(gateway.folder / "run" / "policyd.sock") as slow:
                slow.send("HellRequest", b"\0")
                slow.receive()
                for _ in range(10):
                    deliver(gateway, source=OTHER)
                self.assertEqual(len(self.entries(gateway)), count)
        deliver(gateway, source=OTHER)

    def test_only_who_may(self):
        gateway = self.gateway(self.sink(), hell={})
        gateway.folder.chmod(0o755)
        with self.subTest("nobody may not even connect"):
            result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                     str(gateway.build / "carontectl" / "carontectl"), "-r", str(gateway.folder / "run"), "-L", "/nowhere",
                                     "hell", "add", STRANGER], capture_output=True, text=True, timeout=20)
            self.assertEqual(result.returncode, 77, result.stderr)
        with self.subTest("rubbish costs its own connection"):
            for body in (b"", bytes(20), bytes(16) + b"\x81" + bytes(12), b"\xff" * 16 + b"\x08" + bytes(12),
                         bytes(16) + b"\x80" + b"\x01\0\0\0\x1b" + bytes(8)):
                with Control(gateway.folder / "run" / "policyd.sock") as control:
                    control.send("HellItem", body)
                    with self.assertRaises((EOFError, ConnectionResetError)):
                        control.receive()
            with Control(gateway.folder / "run" / "policyd.sock") as control:
                with self.assertRaises((EOFError, ConnectionResetError, BrokenPipeError)):
                    for _ in range(2000):
                        control.send("HellItem", bytes(16) + b"\x80" + bytes(12))
                    control.receive()
        self.assertEqual(self.entries(gateway), [])
        deliver(gateway)


if __name__ == "__main__":
    unittest.main()
