/* write.h - the writer's inside: write.c lays the file out, write_meta.c makes META,
 * write_image.c makes IMAGE. The same input gives the same bytes. */
#ifndef MO_ARTIFACT_WRITE_H
#define MO_ARTIFACT_WRITE_H

#include "artifact/artifact.h"

/* Initial contents of memories, and which segments are in them. */
typedef struct mo_image_plan {
    mo_buffer bytes;       /* IMAGE */
    mo_meta_image *images; /* by memory, then address */
    size_t nimages, images_cap;
    bool *in_image;        /* per data segment of the module */
} mo_image_plan;

bool mo_image_make(const mo_module *m, mo_image_plan *ret, mote_error *err);
void mo_image_free(mo_image_plan *plan);

bool mo_meta_make(const mo_module *m, const mo_linked *linked, const mo_image_plan *plan,
                  mo_buffer *ret, mote_error *err);

#endif
