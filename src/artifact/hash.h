/* hash.h - the hashes that stand in an artifact's header. Both catch damage; neither
 * stands against a forger: owner and mode of the file do. */
#ifndef MO_ARTIFACT_HASH_H
#define MO_ARTIFACT_HASH_H

#include "artifact/format.h"

/* mo_file_header.header_hash of a file's first MO_FILE_PAGE bytes. */
uint64_t mo_hash_header(const uint8_t page[MO_FILE_PAGE]);
/* contents_hash and module_hash. */
void mo_hash_contents(const void *bytes, size_t len, uint64_t ret[2]);

#endif
