/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_uv.h - libcurl's multi interface on a libuv loop. */
#ifndef HTTPS_CURL_UV_H
#define HTTPS_CURL_UV_H

#include "base/status.h"

#include <curl/curl.h>
#include <uv.h>

struct curl_uv;

/* EASY is done, and still to be removed. Comes from the loop, from inside of
 * nothing else; may close the multi. */
typedef void curl_uv_callback(void *arg, CURL *easy, CURLcode result);

/* MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: curl_uv_close(). */
int curl_uv_new(uv_loop_t *loop, curl_uv_callback *callback, void *arg,
                struct curl_uv **ret);

/* Every transfer has been removed. Takes NULL, leaves NULL. The loop must run
 * once more. */
void curl_uv_close(struct curl_uv **multi);

/* Begins a transfer. MTS_ENOMEM, MTS_ELIB. */
int curl_uv_add(struct curl_uv *multi, CURL *easy);

void curl_uv_remove(struct curl_uv *multi, CURL *easy);

#endif
