/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_memory.h - memory for libcurl, which crashes where it is refused some.
 *
 * libcurl 7.88 to 8.x can't add a socket to its table without memory; it then
 * forgets what it was about to do, and divides by zero when it comes back to it.
 * So small blocks that the system refuses come out of a reserve. What is refused
 * is counted all the same (shortage.h). For one thread. */
#ifndef HTTPS_CURL_MEMORY_H
#define HTTPS_CURL_MEMORY_H

#include <stdbool.h>

/* In place of curl_global_init(); each call is ended by curl_global_cleanup().
 * False: libcurl can't be set up. */
bool curl_memory_init(void);

/* Whether as much of the reserve is left as another request may need: else none
 * should begin. */
bool curl_memory_is_left(void);

#endif
