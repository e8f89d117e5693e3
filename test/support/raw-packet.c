/* raw-packet PROTOCOL COUNT HEX: sends COUNT IPv4 packets with this payload from the loopback address to itself. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  unsigned char payload[256];
  size_t length = strlen(argv[3]) / 2;
  if (length > sizeof(payload)) return 2;
  for (size_t i = 0; i < length; i++) sscanf(argv[3] + 2 * i, "%2hhx", &payload[i]);
  int fd = socket(AF_INET, SOCK_RAW, atoi(argv[1]));
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  for (int left = atoi(argv[2]); left > 0; left--) {
    if (sendto(fd, payload, length, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)length) {
      perror("sendto");
      return 1;
    }
  }
  return 0;
}
