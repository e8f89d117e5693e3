/**
 * Constants of netlink, in the kernel's spelling.
 * Sources: linux/netlink.h, asm-generic/socket.h, bits/socket.h (Linux 6.18).
 */

/** sizeof(struct nlmsghdr): nlmsg_len u32, nlmsg_type u16, nlmsg_flags u16, nlmsg_seq u32, nlmsg_pid u32. */
export const NLMSG_HDRLEN = 16;
/** sizeof(struct nfgenmsg), linux/netfilter/nfnetlink.h: nfgen_family u8, version u8, res_id u16 big-endian. */
export const NFGENMSG_LENGTH = 4;
/** sizeof(struct nlattr): nla_len u16, nla_type u16, in host order. */
export const NLA_HDRLEN = 4;

/** nlmsg_flags of any message. */
export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
export const NLM_F_ECHO = 0x08;
/** The table changed while it was dumped: entries may be missing, or be there twice. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP_FILTERED = 0x20;

/** nlmsg_flags of a GET request. */
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;

/** nlmsg_flags of a NEW request. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** nlmsg_type of control messages; a subsystem's own types begin at NLMSG_MIN_TYPE. */
export const NLMSG_NOOP = 0x1;
export const NLMSG_ERROR = 0x2;
export const NLMSG_DONE = 0x3;
export const NLMSG_OVERRUN = 0x4;
export const NLMSG_MIN_TYPE = 0x10;

/** The high bits of nla_type. */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
export const NLA_TYPE_MASK = 0x3fff;

/** The netlink protocol of nfnetlink, and so of ctnetlink. */
export const NETLINK_NETFILTER = 12;

/** Levels and options of setsockopt(2). */
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
/** Without the limit of net.core.rmem_max; needs CAP_NET_ADMIN in the initial user namespace. */
export const SO_RCVBUFFORCE = 33;
/** enum sk_meminfo, linux/sock_diag.h: bytes that wait to be received; datagrams that there was no room for; how many members. */
export const SK_MEMINFO_RMEM_ALLOC = 0;
export const SK_MEMINFO_DROPS = 8;
export const SK_MEMINFO_MEMBERS = 9;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_DROP_MEMBERSHIP = 2;
export const NETLINK_BROADCAST_ERROR = 4;
export const NETLINK_NO_ENOBUFS = 5;
/** Acknowledgements and errors without a copy of the request, on kernels that know it. */
export const NETLINK_CAP_ACK = 10;

/** The flag of recv(2) that this package uses. */
export const MSG_DONTWAIT = 0x40;
