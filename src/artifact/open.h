/* open.h - the loader's inside.
 *   file --open.c--> mapping --check_header.c--> header --check_meta.c--> META, checked
 *   types.c: type ids;  registry.c: code address -> artifact;  source.c: -> Wasm offset */
#ifndef MO_ARTIFACT_OPEN_H
#define MO_ARTIFACT_OPEN_H

#include "artifact/artifact.h"

/* Believes nothing but that page has MO_FILE_PAGE bytes. Afterwards the sections lie
 * in the file of file_len bytes, in order, and this machine can run the code. */
bool mo_header_check(const uint8_t *page, uint64_t file_len, mote_error *err);

/* h is checked. Afterwards whatever META says can be used without asking. */
bool mo_meta_check(const mo_file_header *h, const uint8_t *file, mote_error *err);

/* As mo_artifact_open(), of a file that is open for reading, with what fstat() told of it.
 * Takes fd over if it succeeds. */
struct stat;
bool mo_artifact_open_fd(int fd, const struct stat *st, mo_artifact **ret, mote_error *err);
/* Would bytes make a good artifact's file? Header and contents' hash. */
bool mo_artifact_check_bytes(const void *bytes, size_t len, mote_error *err);

/* registry.c */
bool mo_registry_add(const mo_artifact *a);
void mo_registry_remove(const mo_artifact *a);

/* Matching (types.c), given what concrete heap types are. */
typedef struct mo_heap_facts {
    mo_type_kind (*kind)(const void *in, uint32_t heap);
    bool (*below)(const void *in, uint32_t a, uint32_t b);
    const void *in;
} mo_heap_facts;
bool mo_matches_with(mo_valtype a, mo_valtype b, const mo_heap_facts *facts);

#endif
