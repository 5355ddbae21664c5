"""The parts of ARM bodies that kvguard reads, as they are sent: any member may be absent or null, others are ignored.

Shapes: azure-rest-api-specs in the versions of ``arm_api``; what Azure leaves out is in the notes of each class.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Body(msgspec.Struct, rename="camel", kw_only=True):
    """A JSON object with camelCase names."""


class Listing(Body, Generic[T]):
    """One page of a list. ``value`` is always there: an answer without it is no list, least of all an empty one."""

    value: list[T]


class Reference(Body):
    """A reference to another resource."""

    id: str | None = None


class ConnectionState(Body):
    """``privateLinkServiceConnectionState`` on either side."""

    status: str | None = None
    description: str | None = None


class ConnectionProperties(Body):
    """Properties of a vault's private endpoint connection."""

    private_endpoint: Reference | None = None
    private_link_service_connection_state: ConnectionState | None = None
    provisioning_state: str | None = None


class ConnectionBody(Body):
    """A connection inside its vault: it has an id and properties, but no name of its own."""

    id: str
    properties: ConnectionProperties | None = None


class IpRule(Body):
    """An address or range that the firewall admits."""

    value: str


class SubnetRule(Body):
    """A subnet that the firewall admits."""

    id: str


class AclBody(Body):
    """``networkAcls``; absent when never set, and also when it was set to its defaults."""

    bypass: str | None = None
    default_action: str | None = None
    ip_rules: list[IpRule] | None = None
    virtual_network_rules: list[SubnetRule] | None = None


class PermissionsBody(Body):
    """What an access policy permits; a kind that is left out permits nothing."""

    keys: list[str] | None = None
    secrets: list[str] | None = None
    certificates: list[str] | None = None
    storage: list[str] | None = None


class AccessPolicyBody(Body):
    """An entry of ``accessPolicies``; ``applicationId`` only for a compound identity."""

    object_id: str
    tenant_id: str
    permissions: PermissionsBody
    application_id: str | None = None


class VaultProperties(Body):
    """``privateEndpointConnections`` is absent when there are none, ``publicNetworkAccess`` in older bodies.

    The flags are absent or null where nobody has set them.
    """

    network_acls: AclBody | None = None
    private_endpoint_connections: list[ConnectionBody] | None = None
    provisioning_state: str | None = None
    public_network_access: str | None = None
    tenant_id: str | None = None
    access_policies: list[AccessPolicyBody] | None = None
    enable_rbac_authorization: bool | None = None
    enable_soft_delete: bool | None = None
    enable_purge_protection: bool | None = None
    soft_delete_retention_in_days: int | None = None
    enabled_for_deployment: bool | None = None
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None


class VaultBody(Body):
    """A vault, by GET or as a row of LIST."""

    id: str
    properties: VaultProperties
    location: str | None = None
    tags: dict[str, str | None] | None = None


class ResourceAssociation(Body):
    """How a perimeter holds a resource."""

    access_mode: str | None = None


class PerimeterProperties(Body):
    """Properties of a perimeter association."""

    provisioning_state: str | None = None
    resource_association: ResourceAssociation | None = None


class PerimeterBody(Body):
    """A network security perimeter configuration of a vault."""

    properties: PerimeterProperties | None = None


class ServiceConnectionProperties(Body):
    """The consumer's side of a connection. A connection by alias names no resource id."""

    private_link_service_id: str | None = None
    private_link_service_connection_state: ConnectionState | None = None


class ServiceConnection(Body):
    """An entry of one of the two connection arrays of an endpoint."""

    properties: ServiceConnectionProperties | None = None


class DnsConfig(Body):
    """An entry of ``customDnsConfigs``; the name in it is the public one."""

    fqdn: str | None = None
    ip_addresses: list[str] | None = None


class EndpointProperties(Body):
    """Properties of a private endpoint: both connection arrays may be there, one of them empty."""

    subnet: Reference | None = None
    provisioning_state: str | None = None
    private_link_service_connections: list[ServiceConnection] | None = None
    manual_private_link_service_connections: list[ServiceConnection] | None = None
    network_interfaces: list[Reference] | None = None
    custom_dns_configs: list[DnsConfig] | None = None


class EndpointBody(Body):
    """A private endpoint."""

    id: str
    location: str | None = None
    properties: EndpointProperties | None = None


class IpConfigurationProperties(Body):
    """The address is in ``privateIPAddress``: not the spelling that the other members follow."""

    private_ip_address: str | None = msgspec.field(default=None, name="privateIPAddress")
    private_ip_address_version: str | None = msgspec.field(default=None, name="privateIPAddressVersion")
    subnet: Reference | None = None


class IpConfiguration(Body):
    """One address of an interface."""

    properties: IpConfigurationProperties | None = None


class InterfaceDns(Body):
    """``dnsSettings`` of an interface: own DNS servers win over those of the network."""

    dns_servers: list[str] | None = None


class InterfaceProperties(Body):
    """``privateEndpoint`` only on the interface of an endpoint."""

    ip_configurations: list[IpConfiguration] | None = None
    private_endpoint: Reference | None = None
    dns_settings: InterfaceDns | None = None


class InterfaceBody(Body):
    """A network interface, by GET or as a row of LIST."""

    properties: InterfaceProperties | None = None


class GroupRecordSet(Body):
    """What a zone group wrote."""

    record_type: str | None = None
    record_set_name: str | None = None
    ip_addresses: list[str] | None = None


class ZoneConfigProperties(Body):
    """One zone of a zone group."""

    private_dns_zone_id: str | None = None
    record_sets: list[GroupRecordSet] | None = None


class ZoneConfig(Body):
    """An entry of ``privateDnsZoneConfigs``."""

    properties: ZoneConfigProperties | None = None


class ZoneGroupProperties(Body):
    """Properties of a zone group."""

    provisioning_state: str | None = None
    private_dns_zone_configs: list[ZoneConfig] | None = None


class ZoneGroupBody(Body):
    """A private DNS zone group."""

    id: str
    properties: ZoneGroupProperties | None = None


class ZoneProperties(Body):
    """Counters and limits of a zone; the record counter includes the SOA."""

    number_of_record_sets: int | None = None
    max_number_of_record_sets: int | None = None
    number_of_virtual_network_links: int | None = None
    max_number_of_virtual_network_links: int | None = None


class ZoneBody(Body):
    """A private DNS zone."""

    id: str
    properties: ZoneProperties | None = None


class LinkProperties(Body):
    """Properties of a link; ``resolutionPolicy`` is absent on old ones and then Default."""

    virtual_network: Reference | None = None
    registration_enabled: bool | None = None
    resolution_policy: str | None = None
    virtual_network_link_state: str | None = None
    provisioning_state: str | None = None


class LinkBody(Body):
    """A virtual network link of a zone."""

    id: str
    properties: LinkProperties | None = None


class ARecord(Body):
    """One address of an A record set."""

    ipv4_address: str = msgspec.field(name="ipv4Address")


class RecordProperties(Body):
    """``aRecords`` may be empty: the set exists all the same. ``metadata`` may be null."""

    ttl: int
    a_records: list[ARecord]
    metadata: dict[str, str] | None = None
    is_auto_registered: bool | None = None


class RecordBody(Body):
    """An A record set; its etag is sent bare."""

    id: str
    properties: RecordProperties
    etag: str | None = None


class CnameRecord(Body):
    """The target of a CNAME."""

    cname: str


class CnameProperties(Body):
    """Properties of a CNAME record set."""

    cname_record: CnameRecord


class CnameBody(Body):
    """A CNAME record set of a private zone."""

    id: str
    properties: CnameProperties
