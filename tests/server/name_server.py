"""A name server of the test's own."""

from __future__ import annotations

import socket
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ZONE = {
    ("example.test.", "A"): ["192.0.2.1"],
    ("forged.test.", "A"): ["192.0.2.1"],
    ("large.test.", "A"): ["192.0.2.1"],
    ("six.test.", "AAAA"): ["2001:db8::6"],
    ("_sip._udp.service.test.", "SRV"): [
        "20 100 5099 example.test.",
        "10 5 5062 missing.test.",
        "10 5 5063 example.test.",
        "10 90 5061 missing.test.",
    ],
    ("_sip._tcp.service.test.", "SRV"): ["0 0 5090 example.test."],
    ("_sips._tcp.service.test.", "SRV"): ["0 0 5091 example.test."],
    ("service.test.", "A"): ["192.0.2.9"],
    ("_sip._udp.nowhere.test.", "SRV"): ["0 0 0 ."],
    ("nowhere.test.", "A"): ["192.0.2.10"],
    ("1.1.9.4.e164.test.", "NAPTR"): [
        r'10 60 "u" "E2U+sip" "!^\\+49(.*)$!sip:\\1@h!" .',
        r'10 50 "u" "E2U+sip" "!^.*$!sip:a@h!" .',
        r'5 90 "s" "x" "" target.test.',
    ],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["Example.test.", "other.test."],
}


class NameServer:
    """Answers from ZONE; what starts with "silent" gets no answer, with "broken" an error, with "forged" a wrong one
    before the right one, with "large" one that is whole over TCP only. `asked` lists the questions, `soa` is the
    record that comes with every denial."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ttl = 300
        self.soa = ""
        self._socket, self._listener = _of_one_port()
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        threading.Thread(target=self._serve_streams, daemon=True).start()

    def _serve(self) -> None:
        while True:
            wire, sender = self._socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            question = query.question[0]
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(f"{kind} {name}")
            if name.startswith("silent"):
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            records = ZONE.get((name, kind))
            if records:
                answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
            elif name.startswith("broken"):
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif not any(known == name for known, _ in ZONE):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            if self.soa and not records:
                answer.authority.append(dns.rrset.from_text("test.", 3600, "IN", "SOA", self.soa))
            if name.startswith("large"):
                answer.flags |= dns.flags.TC
            if name.startswith("forged"):
                forged = dns.message.make_response(query)
                forged.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, "6.6.6.6"))
                forged.id = query.id ^ 1
                self._socket.sendto(forged.to_wire(), sender)
                forged.id = query.id
                forged.question = [
                    dns.rrset.RRset(dns.name.from_text("other.test."), question.rdclass, question.rdtype)
                ]
                self._socket.sendto(forged.to_wire(), sender)
                self._socket.sendto(b"x", sender)
                self._socket.sendto(wire, sender)
            self._socket.sendto(answer.to_wire(), sender)

    def _serve_streams(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                query = dns.message.from_wire(connection.recv(4096)[2:])
                answer = dns.message.make_response(query)
                ips = [f"192.0.2.{i}" for i in range(100)]
                answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *ips))
                wire = answer.to_wire()
                connection.sendall(len(wire).to_bytes(2, "big") + wire)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._socket.close()


def _of_one_port() -> tuple[socket.socket, socket.socket]:
    """For UDP and for TCP, of a number that is free in both."""
    while True:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        try:
            return datagrams, socket.create_server(datagrams.getsockname())
        except OSError:
            datagrams.close()
