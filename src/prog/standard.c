/* SPDX-License-Identifier: BSD-2-Clause */
/* standard.c - standard input, output and error. */
#include "prog/standard.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void standard_fill(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	if (fd != STDERR_FILENO)
		return;
	close(fd);
	(void)open("/dev/null", O_WRONLY);
}

int standard_finish(const char *program, int status, int failed)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != 0)
		return status;
	fprintf(stderr, "%s: can't write to standard output\n", program);
	return failed;
}
