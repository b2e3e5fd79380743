/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * flannel.h - the interface between flannel.ko and user space
 *
 * Two netlink interfaces:
 *
 *  - rtnetlink, link kind "flannel": one device and its options (IFLA_FLANNEL_*
 *    inside IFLA_LINKINFO / IFLA_INFO_DATA);
 *  - generic netlink, family "flannel": the lease table of a device, the VTEPs
 *    that the leases name, and the counters.
 *
 * Words.  A *VTEP* is a remote tunnel end point: an underlay address and the
 * MAC that its inner frames carry.  A *lease* maps a pod prefix to a VTEP, or
 * is *local*: the subnet of this node.  The *underlay* carries the
 * encapsulated packets.
 *
 * Unless said otherwise integers are in host byte order and addresses in
 * network byte order.  Every generic netlink command demands CAP_NET_ADMIN in
 * the user namespaces that own the device's network namespace and its underlay
 * network namespace.  Every error carries an extack message and, where one is
 * to blame, the offending attribute.
 *
 * Wire format: RFC 7348 (VXLAN), UDP port 8472 as Linux and flannel use it.
 */
#ifndef _UAPI_LINUX_FLANNEL_H
#define _UAPI_LINUX_FLANNEL_H

#include <linux/types.h>

#define FLANNEL_LINK_KIND	"flannel"
#define FLANNEL_GENL_NAME	"flannel"
#define FLANNEL_GENL_VERSION	1
#define FLANNEL_MCGRP_TABLE	"table"

#define FLANNEL_DEFAULT_VNI		1
#define FLANNEL_DEFAULT_PORT		8472
#define FLANNEL_DEFAULT_MAXLEASES	1048576

/* Bytes of encapsulation, outer IP header included. */
#define FLANNEL_OVERHEAD4	50
#define FLANNEL_OVERHEAD6	70

/* Protocol of the routes that flctl keeps; only such are ever touched by it. */
#define FLANNEL_ROUTE_PROTOCOL	141

/* At most so many distinct prefix lengths per address family in one table. */
#define FLANNEL_MAX_LENGTHS	16
/* At most so many local leases in one table. */
#define FLANNEL_MAX_LOCAL	64
/*
 * At most so many VTEPs, with different MACs, at one underlay address.  Two are
 * seen while a node changes its own; without a limit look-ups could be made slow.
 */
#define FLANNEL_MAX_MACS	16

/**
 * enum flannel_df - don't-fragment bit of the outer IPv4 header
 * @FLANNEL_DF_UNSET: clear (default, as stock flannel)
 * @FLANNEL_DF_SET: set, on every packet that fits the path
 * @FLANNEL_DF_INHERIT: copied from the inner IPv4 header, set for inner IPv6
 */
enum flannel_df {
	FLANNEL_DF_UNSET,
	FLANNEL_DF_SET,
	FLANNEL_DF_INHERIT,
	__FLANNEL_DF_END,
	FLANNEL_DF_MAX = __FLANNEL_DF_END - 1,
};

/**
 * enum flannel_srccheck - what a received packet's source is held against
 * @FLANNEL_SRCCHECK_OFF: nothing; anyone may send anything (as stock vxlan)
 * @FLANNEL_SRCCHECK_LEASE: the outer source is a known VTEP; the inner source
 *	is not in a lease of another VTEP, in a local lease, an address of this
 *	host, loopback, multicast, link-local or otherwise nobody's (default)
 * @FLANNEL_SRCCHECK_STRICT: as lease, and the inner source lies in a lease of
 *	the sending VTEP or is its underlay address
 */
enum flannel_srccheck {
	FLANNEL_SRCCHECK_OFF,
	FLANNEL_SRCCHECK_LEASE,
	FLANNEL_SRCCHECK_STRICT,
	__FLANNEL_SRCCHECK_END,
	FLANNEL_SRCCHECK_MAX = __FLANNEL_SRCCHECK_END - 1,
};

/**
 * struct flannel_port_range - range of UDP source ports
 * @low: first port, network byte order
 * @high: last port, network byte order, not below @low
 *
 * Both zero: net.ipv4.ip_local_port_range of the underlay namespace.
 */
struct flannel_port_range {
	__be16 low;
	__be16 high;
};

/**
 * enum flannel_link_attr - IFLA_INFO_DATA of link kind "flannel"
 *
 * All are optional.  Only ID and PORT cannot be changed on a live device.
 * A dump of a link returns every attribute that has a value; LOCAL, LOCAL6,
 * DEV, NETWORK and NETWORK6 are absent when unset.
 *
 * @IFLA_FLANNEL_ID: u32, VNI, 0..16777215, default 1
 * @IFLA_FLANNEL_PORT: be16, UDP destination port and port listened on,
 *	1..65535, default 8472
 * @IFLA_FLANNEL_LOCAL: struct in_addr, IPv4 source address of outer packets and
 *	the only one accepted as their destination; 0.0.0.0 unsets: the route to
 *	each VTEP chooses
 * @IFLA_FLANNEL_LOCAL6: struct in6_addr, the same for IPv6; :: unsets
 * @IFLA_FLANNEL_DEV: string, name of the underlay interface in the underlay
 *	namespace, at most IFNAMSIZ - 1 bytes; the interface must exist when the
 *	name is set, may disappear later and is used again when it is back;
 *	empty unsets
 * @IFLA_FLANNEL_TTL: u8, TTL or hop limit of outer packets, 0 = auto: that of
 *	the route
 * @IFLA_FLANNEL_TOS: u8, TOS or traffic class of outer packets, 1 = inherit the
 *	inner one; ECN bits are those of the inner one, CE as ECT(0) (RFC 3168)
 * @IFLA_FLANNEL_DF: u8, enum flannel_df
 * @IFLA_FLANNEL_PORT_RANGE: struct flannel_port_range, UDP source ports
 * @IFLA_FLANNEL_UDP_CSUM: u8 0|1, UDP checksum in outer IPv4 packets, default 1
 * @IFLA_FLANNEL_UDP_ZERO_CSUM6_TX: u8 0|1, send outer IPv6 packets without UDP
 *	checksum (RFC 6935), default 0
 * @IFLA_FLANNEL_UDP_ZERO_CSUM6_RX: u8 0|1, accept such packets, default 0
 * @IFLA_FLANNEL_LLADDR: 6 bytes, MAC of this VTEP, unicast and not zero;
 *	default: random, made once, stable for the life of the device
 * @IFLA_FLANNEL_NETWORK: struct in_addr, base of the IPv4 overlay Network,
 *	together with NETWORK_LEN.  Leases must lie inside; enables the direct
 *	index when all leases have one length
 * @IFLA_FLANNEL_NETWORK_LEN: u8, 0..32, 0 unsets
 * @IFLA_FLANNEL_NETWORK6: struct in6_addr, the same for IPv6
 * @IFLA_FLANNEL_NETWORK6_LEN: u8, 0..128, 0 unsets
 * @IFLA_FLANNEL_SRCCHECK: u8, enum flannel_srccheck, default lease
 * @IFLA_FLANNEL_FWMARK: u32, mark of outer packets, for policy routing and
 *	netfilter; default 0.  The mark of inner packets is never carried over
 * @IFLA_FLANNEL_MAXLEASES: u32, most leases the table takes, not below the
 *	number that it holds; default 1048576
 * @IFLA_FLANNEL_UNTRACK: u8 0|1, connection tracking of the underlay namespace
 *	leaves alone outer packets that the device sends, and those with its VNI
 *	to its UDP port at its local address (any address of the host when unset),
 *	default 0
 */
enum flannel_link_attr {
	IFLA_FLANNEL_ID = 1,
	IFLA_FLANNEL_PORT,
	IFLA_FLANNEL_LOCAL,
	IFLA_FLANNEL_LOCAL6,
	IFLA_FLANNEL_DEV,
	IFLA_FLANNEL_TTL,
	IFLA_FLANNEL_TOS,
	IFLA_FLANNEL_DF,
	IFLA_FLANNEL_PORT_RANGE,
	IFLA_FLANNEL_UDP_CSUM,
	IFLA_FLANNEL_UDP_ZERO_CSUM6_TX,
	IFLA_FLANNEL_UDP_ZERO_CSUM6_RX,
	IFLA_FLANNEL_LLADDR,
	IFLA_FLANNEL_NETWORK,
	IFLA_FLANNEL_NETWORK_LEN,
	IFLA_FLANNEL_NETWORK6,
	IFLA_FLANNEL_NETWORK6_LEN,
	IFLA_FLANNEL_SRCCHECK,
	IFLA_FLANNEL_FWMARK,
	IFLA_FLANNEL_MAXLEASES,
	IFLA_FLANNEL_UNTRACK,
	__IFLA_FLANNEL_END,
	IFLA_FLANNEL_MAX = __IFLA_FLANNEL_END - 1,
};

/**
 * enum flannel_cmd - commands of generic netlink family "flannel"
 *
 * Requests name the device by FLANNEL_A_IFINDEX; in dumps it is a filter.
 *
 * @FLANNEL_CMD_DEV_GET: (do, dump) state in effect of a device, and FLANNEL_A_SEQ;
 *	a dump while a device comes or goes says so (NLM_F_DUMP_INTR)
 * @FLANNEL_CMD_LEASE_ADD: (do) add one lease; EEXIST when the prefix has one
 * @FLANNEL_CMD_LEASE_CHANGE: (do) change one lease; ENOENT when there is none
 * @FLANNEL_CMD_LEASE_REPLACE: (do) add or change one lease
 * @FLANNEL_CMD_LEASE_DEL: (do) delete one lease, named by its prefix; ENOENT
 * @FLANNEL_CMD_LEASE_GET: (do) the lease that covers FLANNEL_A_ADDR4 or
 *	FLANNEL_A_ADDR6, longest match; ENOENT when none does.  (dump) all
 *	leases, in no particular order, filtered by device and by
 *	FLANNEL_A_VTEP4 or FLANNEL_A_VTEP6.  A dump during which the table moved
 *	says so (NLM_F_DUMP_INTR) and is to be repeated
 * @FLANNEL_CMD_LEASE_FLUSH: (do) delete all leases at once
 * @FLANNEL_CMD_TABLE_BEGIN: (do) open a transaction that replaces the whole
 *	table of a device.  One per socket and device, EBUSY when it has one; it
 *	ends with commit, abort, an error in a TABLE_ADD of the socket, the end
 *	of the device, or when the socket is closed.  Answers with FLANNEL_A_SEQ
 * @FLANNEL_CMD_TABLE_ADD: (do) add the leases of this message, any number of
 *	FLANNEL_A_LEASE, to the transaction.  On any error the transactions of
 *	the socket are gone, so that requests may be sent without waiting
 * @FLANNEL_CMD_TABLE_COMMIT: (do) make the transaction's leases the table, in
 *	one step.  ESTALE when the table moved since TABLE_BEGIN, unless
 *	FLANNEL_A_FORCE is given.  On any error the old table stays and the
 *	transaction is gone.  Answers with SEQ, ADDED, CHANGED, REMOVED
 * @FLANNEL_CMD_TABLE_ABORT: (do) drop the transaction; ENOENT when none is open
 * @FLANNEL_CMD_VTEP_GET: (dump) VTEPs of the tables with their counters,
 *	filtered by device
 * @FLANNEL_CMD_STATS_GET: (do, dump) counters of a device
 * @FLANNEL_CMD_LEASE_ADD_NTF: (event) a lease was added
 * @FLANNEL_CMD_LEASE_CHANGE_NTF: (event) a lease was changed
 * @FLANNEL_CMD_LEASE_DEL_NTF: (event) a lease was deleted
 * @FLANNEL_CMD_TABLE_NTF: (event) the whole table was replaced or flushed: SEQ,
 *	ADDED, CHANGED, REMOVED; the leases are to be listed
 *
 * Events go to multicast group "table" in the namespace of the device, where
 * joining it takes CAP_NET_ADMIN.  A listener that was too slow gets ENOBUFS and
 * lists again; FLANNEL_A_SEQ grows by one with each event, so that a gap shows.
 */
enum flannel_cmd {
	FLANNEL_CMD_DEV_GET = 1,
	FLANNEL_CMD_LEASE_ADD,
	FLANNEL_CMD_LEASE_CHANGE,
	FLANNEL_CMD_LEASE_REPLACE,
	FLANNEL_CMD_LEASE_DEL,
	FLANNEL_CMD_LEASE_GET,
	FLANNEL_CMD_LEASE_FLUSH,
	FLANNEL_CMD_TABLE_BEGIN,
	FLANNEL_CMD_TABLE_ADD,
	FLANNEL_CMD_TABLE_COMMIT,
	FLANNEL_CMD_TABLE_ABORT,
	FLANNEL_CMD_VTEP_GET,
	FLANNEL_CMD_STATS_GET,
	FLANNEL_CMD_LEASE_ADD_NTF,
	FLANNEL_CMD_LEASE_CHANGE_NTF,
	FLANNEL_CMD_LEASE_DEL_NTF,
	FLANNEL_CMD_TABLE_NTF,
	__FLANNEL_CMD_END,
	FLANNEL_CMD_MAX = __FLANNEL_CMD_END - 1,
};

/**
 * enum flannel_attr - top-level attributes of family "flannel"
 * @FLANNEL_A_PAD: padding, ignored
 * @FLANNEL_A_IFINDEX: u32, the flannel device
 * @FLANNEL_A_IFNAME: string, its name (replies and events only)
 * @FLANNEL_A_LEASE: nest, enum flannel_lease_attr; repeated in TABLE_ADD
 * @FLANNEL_A_ADDR4: struct in_addr, address to look up
 * @FLANNEL_A_ADDR6: struct in6_addr, address to look up
 * @FLANNEL_A_VTEP4: struct in_addr, filter of a lease dump
 * @FLANNEL_A_VTEP6: struct in6_addr, filter of a lease dump
 * @FLANNEL_A_SEQ: u64, sequence number of the table; grows by one with every
 *	change of a lease and every replace
 * @FLANNEL_A_FORCE: flag, commit although the table moved
 * @FLANNEL_A_ADDED: u32, leases added by a replace
 * @FLANNEL_A_CHANGED: u32, leases whose VTEP was changed by a replace
 * @FLANNEL_A_REMOVED: u32, leases removed by a replace or flush
 * @FLANNEL_A_DEV: nest, enum flannel_dev_attr
 * @FLANNEL_A_VTEP: nest, enum flannel_vtep_attr
 * @FLANNEL_A_STATS: nest, enum flannel_stats_attr
 */
enum flannel_attr {
	FLANNEL_A_PAD = 1,
	FLANNEL_A_IFINDEX,
	FLANNEL_A_IFNAME,
	FLANNEL_A_LEASE,
	FLANNEL_A_ADDR4,
	FLANNEL_A_ADDR6,
	FLANNEL_A_VTEP4,
	FLANNEL_A_VTEP6,
	FLANNEL_A_SEQ,
	FLANNEL_A_FORCE,
	FLANNEL_A_ADDED,
	FLANNEL_A_CHANGED,
	FLANNEL_A_REMOVED,
	FLANNEL_A_DEV,
	FLANNEL_A_VTEP,
	FLANNEL_A_STATS,
	__FLANNEL_A_END,
	FLANNEL_A_MAX = __FLANNEL_A_END - 1,
};

/**
 * enum flannel_lease_attr - one lease
 *
 * Exactly one of PREFIX4 and PREFIX6, with PREFIXLEN and without host bits;
 * then either LOCAL, or exactly one of VTEP4 and VTEP6 together with LLADDR.
 * LEASE_DEL takes prefix and length alone.
 *
 * Refused: prefixes that overlap multicast, loopback, link-local, 0.0.0.0/8,
 * 240.0.0.0/4, :: or ::1; a VTEP that is not unicast or is an address of this
 * host; a MAC that is multicast or zero; a lease that overlaps a local one; a
 * lease that contains the underlay address of a VTEP; a prefix outside the
 * device's network; more than FLANNEL_MAX_LENGTHS prefix lengths; more than
 * FLANNEL_MAX_LOCAL local leases; more than FLANNEL_MAX_MACS MACs at one VTEP
 * address; more leases than IFLA_FLANNEL_MAXLEASES.
 *
 * @FLANNEL_A_LEASE_PREFIX4: struct in_addr
 * @FLANNEL_A_LEASE_PREFIX6: struct in6_addr
 * @FLANNEL_A_LEASE_PREFIXLEN: u8, 1..32 or 1..128
 * @FLANNEL_A_LEASE_LOCAL: flag, our own subnet
 * @FLANNEL_A_LEASE_VTEP4: struct in_addr, underlay address of the VTEP
 * @FLANNEL_A_LEASE_VTEP6: struct in6_addr, underlay address of the VTEP
 * @FLANNEL_A_LEASE_LLADDR: 6 bytes, MAC of the VTEP
 */
enum flannel_lease_attr {
	FLANNEL_A_LEASE_PREFIX4 = 1,
	FLANNEL_A_LEASE_PREFIX6,
	FLANNEL_A_LEASE_PREFIXLEN,
	FLANNEL_A_LEASE_LOCAL,
	FLANNEL_A_LEASE_VTEP4,
	FLANNEL_A_LEASE_VTEP6,
	FLANNEL_A_LEASE_LLADDR,
	__FLANNEL_A_LEASE_END,
	FLANNEL_A_LEASE_MAX = __FLANNEL_A_LEASE_END - 1,
};

/**
 * enum flannel_dev_attr - what is in effect on a device
 * @FLANNEL_A_DEV_LEASES4: u32, IPv4 leases in the table
 * @FLANNEL_A_DEV_LEASES6: u32, IPv6 leases in the table
 * @FLANNEL_A_DEV_VTEPS: u32, VTEPs that the leases name
 * @FLANNEL_A_DEV_INDEX4: u8, 1 when IPv4 look-ups use the direct index
 * @FLANNEL_A_DEV_INDEX6: u8, 1 when IPv6 look-ups use the direct index
 * @FLANNEL_A_DEV_UNDERLAY: u32, ifindex of the underlay interface in the
 *	underlay namespace; absent when no dev is set or it does not exist now
 * @FLANNEL_A_DEV_MTU: u32, MTU in effect, bytes
 * @FLANNEL_A_DEV_PORT_LOW: u16, first UDP source port in use
 * @FLANNEL_A_DEV_PORT_HIGH: u16, last UDP source port in use
 * @FLANNEL_A_DEV_TTL: u8, TTL in effect for IPv4 underlays unless the route
 *	says otherwise
 * @FLANNEL_A_DEV_SOCKET4: u8, 1 when the IPv4 underlay socket is open
 * @FLANNEL_A_DEV_SOCKET6: u8, 1 when the IPv6 underlay socket is open
 * @FLANNEL_A_DEV_LLADDR: 6 bytes, MAC of this VTEP
 * @FLANNEL_A_DEV_VNI: u32
 * @FLANNEL_A_DEV_PORT: u16, UDP port, host byte order
 */
enum flannel_dev_attr {
	FLANNEL_A_DEV_LEASES4 = 1,
	FLANNEL_A_DEV_LEASES6,
	FLANNEL_A_DEV_VTEPS,
	FLANNEL_A_DEV_INDEX4,
	FLANNEL_A_DEV_INDEX6,
	FLANNEL_A_DEV_UNDERLAY,
	FLANNEL_A_DEV_MTU,
	FLANNEL_A_DEV_PORT_LOW,
	FLANNEL_A_DEV_PORT_HIGH,
	FLANNEL_A_DEV_TTL,
	FLANNEL_A_DEV_SOCKET4,
	FLANNEL_A_DEV_SOCKET6,
	FLANNEL_A_DEV_LLADDR,
	FLANNEL_A_DEV_VNI,
	FLANNEL_A_DEV_PORT,
	__FLANNEL_A_DEV_END,
	FLANNEL_A_DEV_MAX = __FLANNEL_A_DEV_END - 1,
};

/**
 * enum flannel_vtep_attr - one VTEP and its counters
 *
 * Packets count as the device counts them: a packet that segmentation or
 * receive offload carries whole counts once.  What is sent counts also when the
 * underlay's output drops it.  Bytes are those of inner packets.
 *
 * @FLANNEL_A_VTEP_PAD: padding, ignored
 * @FLANNEL_A_VTEP_ADDR4: struct in_addr, underlay address
 * @FLANNEL_A_VTEP_ADDR6: struct in6_addr, underlay address
 * @FLANNEL_A_VTEP_LLADDR: 6 bytes
 * @FLANNEL_A_VTEP_LEASES: u32, leases that name it
 * @FLANNEL_A_VTEP_TX_PACKETS: u64
 * @FLANNEL_A_VTEP_TX_BYTES: u64
 * @FLANNEL_A_VTEP_RX_PACKETS: u64
 * @FLANNEL_A_VTEP_RX_BYTES: u64
 */
enum flannel_vtep_attr {
	FLANNEL_A_VTEP_PAD = 1,
	FLANNEL_A_VTEP_ADDR4,
	FLANNEL_A_VTEP_ADDR6,
	FLANNEL_A_VTEP_LLADDR,
	FLANNEL_A_VTEP_LEASES,
	FLANNEL_A_VTEP_TX_PACKETS,
	FLANNEL_A_VTEP_TX_BYTES,
	FLANNEL_A_VTEP_RX_PACKETS,
	FLANNEL_A_VTEP_RX_BYTES,
	__FLANNEL_A_VTEP_END,
	FLANNEL_A_VTEP_MAX = __FLANNEL_A_VTEP_END - 1,
};

/**
 * enum flannel_stats_attr - counters of a device, all u64
 *
 * Packets that the device was given (by the stack: tx, by the UDP socket: rx)
 * are the packets that it passed on plus the drops below.  Frames whose VXLAN
 * header is bad or whose VNI no device has are counted on the device that has
 * been on the socket longest.
 *
 * @FLANNEL_A_STATS_PAD: padding, ignored
 * @FLANNEL_A_STATS_TX_PACKETS: packets handed to the underlay
 * @FLANNEL_A_STATS_TX_BYTES: bytes of these, inner packets
 * @FLANNEL_A_STATS_RX_PACKETS: packets handed to the stack
 * @FLANNEL_A_STATS_RX_BYTES: bytes of these, inner packets
 * @FLANNEL_A_STATS_TX_NO_LEASE: dropped, no lease covers the destination
 * @FLANNEL_A_STATS_TX_LOCAL_LEASE: dropped, the destination is in our subnet
 * @FLANNEL_A_STATS_TX_MULTICAST: dropped, multicast, broadcast or link-local
 * @FLANNEL_A_STATS_TX_NOT_IP: dropped, neither IPv4 nor IPv6, or malformed
 * @FLANNEL_A_STATS_TX_TOO_BIG: dropped, too big for the path, sender told
 * @FLANNEL_A_STATS_TX_NO_ROUTE: dropped, no route to the VTEP
 * @FLANNEL_A_STATS_TX_LOCAL_VTEP: dropped, the VTEP's address routes to this
 *	host
 * @FLANNEL_A_STATS_TX_LOOP: dropped, the route to the VTEP leads back into the
 *	device
 * @FLANNEL_A_STATS_TX_NO_SOCKET: dropped, no socket of the VTEP's family, or the
 *	underlay interface is gone
 * @FLANNEL_A_STATS_TX_NO_MEMORY: dropped, no memory for headers
 * @FLANNEL_A_STATS_TX_UNDERLAY: dropped by the underlay's output path
 * @FLANNEL_A_STATS_RX_BAD_HEADER: dropped, short frame or VXLAN flags other
 *	than exactly the valid-VNI flag
 * @FLANNEL_A_STATS_RX_BAD_VNI: dropped, no device has this VNI
 * @FLANNEL_A_STATS_RX_WRONG_DEV: dropped, did not arrive on the underlay
 *	interface
 * @FLANNEL_A_STATS_RX_WRONG_ADDR: dropped, was not sent to the local address
 * @FLANNEL_A_STATS_RX_NO_CSUM: dropped, outer IPv6 without UDP checksum
 * @FLANNEL_A_STATS_RX_BAD_MAC: dropped, inner destination MAC not unicast
 * @FLANNEL_A_STATS_RX_FOREIGN_MAC: accepted, inner destination MAC not ours
 * @FLANNEL_A_STATS_RX_NOT_IP: dropped, neither IPv4 nor IPv6 inside
 * @FLANNEL_A_STATS_RX_MALFORMED: dropped, inner IP header invalid
 * @FLANNEL_A_STATS_RX_ECN: dropped, congestion mark on a packet that does not
 *	take one (RFC 6040)
 * @FLANNEL_A_STATS_RX_UNKNOWN_VTEP: dropped, sender is no known VTEP
 * @FLANNEL_A_STATS_RX_FOREIGN_LEASE: dropped, inner source is in a lease of
 *	another VTEP
 * @FLANNEL_A_STATS_RX_OWN_SOURCE: dropped, inner source is in a local lease or
 *	an address of this host
 * @FLANNEL_A_STATS_RX_BOGUS_SOURCE: dropped, inner source is loopback,
 *	multicast, link-local or unspecified
 * @FLANNEL_A_STATS_RX_NO_LEASE: dropped by strict, inner source in no lease
 * @FLANNEL_A_STATS_RX_NO_MEMORY: dropped, no memory or receive queue full
 */
enum flannel_stats_attr {
	FLANNEL_A_STATS_PAD = 1,
	FLANNEL_A_STATS_TX_PACKETS,
	FLANNEL_A_STATS_TX_BYTES,
	FLANNEL_A_STATS_RX_PACKETS,
	FLANNEL_A_STATS_RX_BYTES,
	FLANNEL_A_STATS_TX_NO_LEASE,
	FLANNEL_A_STATS_TX_LOCAL_LEASE,
	FLANNEL_A_STATS_TX_MULTICAST,
	FLANNEL_A_STATS_TX_NOT_IP,
	FLANNEL_A_STATS_TX_TOO_BIG,
	FLANNEL_A_STATS_TX_NO_ROUTE,
	FLANNEL_A_STATS_TX_LOCAL_VTEP,
	FLANNEL_A_STATS_TX_LOOP,
	FLANNEL_A_STATS_TX_NO_SOCKET,
	FLANNEL_A_STATS_TX_NO_MEMORY,
	FLANNEL_A_STATS_TX_UNDERLAY,
	FLANNEL_A_STATS_RX_BAD_HEADER,
	FLANNEL_A_STATS_RX_BAD_VNI,
	FLANNEL_A_STATS_RX_WRONG_DEV,
	FLANNEL_A_STATS_RX_WRONG_ADDR,
	FLANNEL_A_STATS_RX_NO_CSUM,
	FLANNEL_A_STATS_RX_BAD_MAC,
	FLANNEL_A_STATS_RX_FOREIGN_MAC,
	FLANNEL_A_STATS_RX_NOT_IP,
	FLANNEL_A_STATS_RX_MALFORMED,
	FLANNEL_A_STATS_RX_ECN,
	FLANNEL_A_STATS_RX_UNKNOWN_VTEP,
	FLANNEL_A_STATS_RX_FOREIGN_LEASE,
	FLANNEL_A_STATS_RX_OWN_SOURCE,
	FLANNEL_A_STATS_RX_BOGUS_SOURCE,
	FLANNEL_A_STATS_RX_NO_LEASE,
	FLANNEL_A_STATS_RX_NO_MEMORY,
	__FLANNEL_A_STATS_END,
	FLANNEL_A_STATS_MAX = __FLANNEL_A_STATS_END - 1,
};

#endif /* _UAPI_LINUX_FLANNEL_H */
