/** Scripts for a shell in which a program listens for events. */

/**
 * Functions for the beginning of a script, in words that every sh knows: a busy machine starts a program in a second, an idle
 * one in a hundredth of that, so scripts wait for the listener instead of for a time.
 *   listening PID                       waits until a program of this network namespace listens, or PID has ended
 *   timeout -s SIGNAL SECONDS COMMAND…  as timeout(1), but the seconds begin when the program listens
 */
export const SHELL_FUNCTIONS = `listening() {
  tries=0
  until awk '$2 == 12 && $4 != "00000000" { found = 1 } END { exit !found }' /proc/net/netlink ||
    ! kill -0 $1 2>/dev/null || [ $((tries += 1)) -gt 2000 ]; do sleep 0.02; done
}
timeout() {
  signal=$2 seconds=$3; shift 3
  "$@" <&0 & listening $!
  sleep $seconds
  kill -s $signal $! 2>/dev/null && { wait $! 2>/dev/null; return 124; }
  wait $!
}
`;
