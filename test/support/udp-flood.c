/*
 * Sends COUNT UDP datagrams over lo as fast as it can, each to an address and port of its own: a new flow each.
 *   udp-flood COUNT
 */
#define _GNU_SOURCE /* sendmmsg */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 0;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || count <= 0) return 1;
  struct sockaddr_in addresses[BATCH];
  struct mmsghdr messages[BATCH];
  struct iovec data = {.iov_base = "x", .iov_len = 1};
  memset(messages, 0, sizeof(messages));
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &addresses[i], .msg_namelen = sizeof(addresses[i]), .msg_iov = &data, .msg_iovlen = 1};
  }
  for (long sent = 0; sent < count;) {
    int batch = count - sent < BATCH ? (int)(count - sent) : BATCH;
    for (int i = 0; i < batch; i++) {
      long flow = sent + i;
      /* 127.1.0.0 … and ports 1024 …: 16,384 ports an address. */
      addresses[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_port = htons(1024 + flow % 16384),
                                          .sin_addr.s_addr = htonl(0x7f010000 + (uint32_t)(flow / 16384))};
    }
    for (int done = 0; done < batch;) {
      int now = sendmmsg(fd, messages + done, (unsigned)(batch - done), 0);
      /* A port nobody listens on answers with ICMP, which the next send reports: the datagram is out all the same. */
      if (now > 0) done += now;
    }
    sent += batch;
  }
  return 0;
}
