/* SPDX-License-Identifier: BSD-2-Clause */
/* background.h - goes into the background, and writes down who is there. */
#ifndef PROG_BACKGROUND_H
#define PROG_BACKGROUND_H

#include <sys/types.h>

/* Goes into the background. Returns the exit status of the parent, which waits
 * until the daemon is ready or has ended, and writes PID_FILE if it is ready
 * (NULL: none); or -1 in the child, where *RET_FD is to be told when that is
 * so. */
int background_detach(const char *pid_file, int *ret_fd);

/* Tells the parent by FD, which is closed, and lets standard input and output
 * go: whoever started us may wait for these to be closed. */
void background_tell_ready(int fd);

/* Opens PATH, and leaves what is in it till it is written. -1: errno says why. */
int background_open_pid(const char *path);

/* Writes PID there, and closes FD. */
void background_write_pid(int fd, pid_t pid);

#endif
