"""Where calls come from: `IpRecords` are networks, `SourceIpMappings` say whose domain's their calls are."""

from __future__ import annotations

from gateway.api import networks, readers
from gateway.api.http import Route
from gateway.api.resource import Resource, Served, Serving
from gateway.store import Store
from gateway.store.sip_rows import IpRecord, SourceIpMapping


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    return [*Served(ip_records(store), serving).routes(), *Served(source_ip_mappings(store), serving).routes()]


def ip_records(store: Store) -> Resource[IpRecord]:
    """Networks; only their names change."""
    return Resource(
        path="/IpRecords",
        prefix="IL",
        key="ip_records",
        rows=store.sip.ip_records,
        make=IpRecord,
        fields={"friendly_name": readers.text(255), **networks.FIELDS},
        required=("ip_address",),
        fixed=tuple(networks.FIELDS),
        settle=networks.settle(20001),
    )


def source_ip_mappings(store: Store) -> Resource[SourceIpMapping]:
    """A network is mapped once."""
    return Resource(
        path="/SourceIpMappings",
        prefix="IB",
        key="source_ip_mappings",
        rows=store.sip.source_ip_mappings,
        make=SourceIpMapping,
        fields={"ip_record_sid": readers.sid("IL"), "sip_domain_sid": readers.sid("SD")},
        required=("ip_record_sid", "sip_domain_sid"),
        again=("sip_domain_sid",),
        fixed=("ip_record_sid",),
        hidden=("account_sid",),
        references={
            "ip_record_sid": (store.sip.ip_records.fetch, 20001),
            "sip_domain_sid": (store.sip.domains.fetch, 20001),
        },
        taken=(20001, "the IP record is mapped already"),
    )
