"""The names of the rehearsal, as dnsmasq reads them."""

from __future__ import annotations

import pytest

from rehearsal.dns import configuration
from rehearsal.model import CloudError, Record


def lines(name: str, *records: Record) -> list[str]:
    """What is written for one name, but for the line that keeps it local."""
    first, *rest = configuration({name: records}).splitlines()
    assert first == f"local=/{name.removeprefix('*.')}/"
    return rest


def test_addresses_names_and_texts() -> None:
    assert lines("a.example.com", Record("A", "192.0.2.1"), Record("AAAA", "2001:db8::1")) == [
        "host-record=a.example.com,192.0.2.1",
        "host-record=a.example.com,2001:db8::1",
    ]
    assert lines("*.example.com", Record("A", "192.0.2.1")) == ["address=/example.com/192.0.2.1"]
    assert lines("w.example.com", Record("CNAME", "a.example.com.")) == ["cname=w.example.com,a.example.com"]
    assert lines("example.com", Record("MX", "5 mail.example.com.")) == ["mx-host=example.com,mail.example.com,5"]
    assert lines("example.com", Record("TXT", 'v="1"; a')) == ['txt-record=example.com,"v=\\"1\\"; a"']


def test_a_long_text_is_split_as_the_wire_wants_it() -> None:
    (line,) = lines("example.com", Record("TXT", "x" * 300))
    assert line == f'txt-record=example.com,"{"x" * 255}","{"x" * 45}"'


def test_records_that_dnsmasq_has_no_word_for_are_written_in_bytes() -> None:
    assert lines("example.com", Record("CAA", '0 issue "le.org"')) == [
        "dns-rr=example.com,257,0005" + b"issue".hex() + b"le.org".hex()
    ]
    assert lines("example.com", Record("NS", "ns1.example.net.")) == [
        "dns-rr=example.com,2,03" + b"ns1".hex() + "07" + b"example".hex() + "03" + b"net".hex() + "00"
    ]


def test_the_same_record_twice_is_written_once() -> None:
    assert len(lines("a.example.com", Record("A", "192.0.2.1"), Record("A", "192.0.2.1", ttl=5))) == 1


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("a b.example.com", Record("A", "192.0.2.1"), "is no name"),
        ("a.example.com/x", Record("A", "192.0.2.1"), "is no name"),
        ("a.example.com", Record("A", "a.example.net"), "is no address"),
        ("a.example.com", Record("A", "2001:db8::1"), "does not fit"),
        ("a.example.com", Record("TXT", "one\nserver=192.0.2.9"), "more than one line"),
        ("a.example.com", Record("CAA", "letsencrypt.org"), "is not `flags tag"),
        ("a.example.com", Record("PTR", "a"), "does not know"),
    ],
)
def test_a_record_that_a_zone_would_refuse_is_refused(name: str, record: Record, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        configuration({name: [record]})


def test_a_service_is_found_by_its_name() -> None:
    record = Record("SRV", "0 5 27017 db.example.com.")
    assert lines("_mongodb._tcp.db.example.com", record) == [
        "srv-host=_mongodb._tcp.db.example.com,db.example.com,27017,0,5"
    ]
    with pytest.raises(CloudError, match="is not `priority weight port target`"):
        configuration({"_a._tcp.example.com": [Record("SRV", "27017 db.example.com")]})
