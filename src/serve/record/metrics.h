/* metrics.h - what all workers counted, as text for Prometheus (exposition format 0.0.4). */
#ifndef MO_SERVE_METRICS_H
#define MO_SERVE_METRICS_H

#include "serve/record/shared.h"

/* false: memory is out. */
bool mo_metrics_print(const mo_shared *shared, mo_buffer *to);

#endif
