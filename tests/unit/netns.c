/* SPDX-License-Identifier: BSD-2-Clause */
/* netns.c - a network namespace that has only the loopback interface. */
#include "netns.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool loopback_up(void)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool good;

	if (fd < 0)
		return false;
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", 3);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	good = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	close(fd);
	return good;
}

bool netns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	return loopback_up();
}

int netns_skip(void)
{
	printf("1..0 # SKIP no network namespace can be made here\n");
	return 0;
}
