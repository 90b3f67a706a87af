// A connection a request, in C.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void __attribute__((noinline)) fetch_order(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const char *request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[4096];
	int s = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(s, (void *)&to, sizeof to) || write(s, request, strlen(request)) < 0 || read(s, answer, sizeof answer) <= 0)
		perror("fetch_order");
	close(s);
}

int main(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[2]); i++)
		fetch_order(atoi(argv[1]));
	puts("done");
	return 0;
}
