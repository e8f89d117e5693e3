/**
 * The sysctls of connection tracking with the kernel's defaults: Documentation/networking/nf_conntrack-sysctl.rst. Defaults
 * are those of Linux 6.18, where a new network namespace has them; test/diagnosis/settings.kernel.test.ts compares. An
 * older kernel may have another default for nf_conntrack_sctp_timeout_established.
 */

/** Where they lie, and their prefix for sysctl(8). */
export const SETTINGS_DIRECTORY = "/proc/sys/net/netfilter/nf_conntrack_";
export const SETTINGS_PREFIX = "net.netfilter.nf_conntrack_";

/** Timeouts in seconds, by their names behind the prefix. */
export const TIMEOUT_DEFAULTS: Readonly<Record<string, number>> = {
  generic_timeout: 600,
  gre_timeout: 30,
  gre_timeout_stream: 180,
  icmp_timeout: 30,
  icmpv6_timeout: 30,
  sctp_timeout_closed: 10,
  sctp_timeout_cookie_echoed: 3,
  sctp_timeout_cookie_wait: 3,
  sctp_timeout_established: 210,
  sctp_timeout_heartbeat_sent: 30,
  sctp_timeout_shutdown_ack_sent: 3,
  sctp_timeout_shutdown_recd: 3,
  sctp_timeout_shutdown_sent: 3,
  tcp_timeout_close: 10,
  tcp_timeout_close_wait: 60,
  tcp_timeout_established: 432000,
  tcp_timeout_fin_wait: 120,
  tcp_timeout_last_ack: 30,
  tcp_timeout_max_retrans: 300,
  tcp_timeout_syn_recv: 60,
  tcp_timeout_syn_sent: 120,
  tcp_timeout_time_wait: 120,
  tcp_timeout_unacknowledged: 300,
  udp_timeout: 30,
  udp_timeout_stream: 120,
};

/** Other settings that the diagnosis shows, with the kernel's defaults where it has one. */
export const SWITCH_DEFAULTS: Readonly<Record<string, number | undefined>> = {
  acct: 0,
  timestamp: 0,
  events: 2,
  tcp_loose: 1,
  tcp_be_liberal: 0,
  log_invalid: 0,
  expect_max: undefined,
};

/** The timeout of a TCP state, as its setting is named behind the prefix. */
export const tcpTimeoutName = (state: string): string => `tcp_timeout_${state.toLowerCase()}`;
