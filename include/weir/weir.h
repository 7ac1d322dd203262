/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/weir.h - everything: a multi-queue block layer and a key-value store on it.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/base.h>
#include <weir/changes.h>
#include <weir/device.h>
#include <weir/dump.h>
#include <weir/engine.h>
#include <weir/fdp.h>
#include <weir/fsck.h>
#include <weir/future.h>
#include <weir/io.h>
#include <weir/metrics.h>
#include <weir/pin.h>
#include <weir/queue.h>
#include <weir/remote.h>
#include <weir/sched.h>
#include <weir/scrub.h>
#include <weir/store.h>
#include <weir/tenant.h>
#include <weir/trace.h>

#endif
