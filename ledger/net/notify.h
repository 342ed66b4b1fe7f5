/*
 * notify.h - tells the service manager how we are: one datagram to $NOTIFY_SOCKET (systemd's
 * sd_notify protocol), nothing when it is not set.
 */
#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include <stdbool.h>

void notify_send(const char *state); /* "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1" */
bool notify_watchdog(void);          /* does the manager want WATCHDOG=1? */

#endif
