/* SPDX-License-Identifier: BSD-2-Clause */
/* notify.c - talks to systemd. */
#include "prog/notify.h"

#include "config.h"

#ifdef HAVE_SYSTEMD

#include "base/log.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* -- sockets --------------------------------------------------------------- */

static int pass_all(struct activation *activation, int count, char **names,
                    struct fault *why)
{
	int rc = MTS_OK;

	for (int i = 0; i < count && rc != MTS_ENOMEM; i++) {
		rc = activation_pass(activation, SD_LISTEN_FDS_START + i,
		                     names ? names[i] : NULL, why);
		if (rc == MTS_ESYNTAX)
			log_warning("socket_unused reason=\"%s\"", why->text);
	}
	return rc == MTS_ENOMEM ? rc : MTS_OK;
}

int notify_inherit(struct activation *activation, struct fault *why)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);
	int rc = MTS_OK;

	if (count < 0)
		log_warning("socket_unused reason=\"LISTEN_FDS is invalid\"");
	else
		rc = pass_all(activation, count, names, why);
	for (int i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
	return rc;
}

/* -- states ---------------------------------------------------------------- */

void notify_ready(size_t listeners, const char *problem)
{
	sd_notifyf(0, "READY=1\nSTATUS=Listening on %zu sockets%s%s", listeners,
	           problem ? "; the last reload was refused: " : "",
	           problem ? problem : "");
}

/* By the time systemd knows which reload the next READY=1 belongs to. */
void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
	           (unsigned long long)now.tv_sec * 1000000 +
	               (unsigned long long)now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

/* -- the watchdog ---------------------------------------------------------- */

static uv_timer_t watchdog;

static void notify_on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	sd_notify(0, "WATCHDOG=1");
}

void notify_watch(uv_loop_t *loop)
{
	uint64_t limit_us = 0;
	uint64_t pause_ms;

	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	/* Twice as often as it has to be. */
	pause_ms = limit_us / 2000 ? limit_us / 2000 : 1;
	uv_timer_init(loop, &watchdog);
	uv_timer_start(&watchdog, notify_on_watchdog, 0, pause_ms);
	uv_unref(
	    (uv_handle_t *)&watchdog); /* it does not keep the loop running */
}

void notify_unwatch(void)
{
	if (watchdog.loop)
		uv_close((uv_handle_t *)&watchdog, NULL);
}

#else

int notify_inherit(struct activation *activation, struct fault *why)
{
	(void)activation;
	(void)why;
	return MTS_OK;
}

void notify_ready(size_t listeners, const char *problem)
{
	(void)listeners;
	(void)problem;
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

void notify_watch(uv_loop_t *loop)
{
	(void)loop;
}

void notify_unwatch(void)
{
}

#endif
