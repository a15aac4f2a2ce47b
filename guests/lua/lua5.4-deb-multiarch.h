/* What the Debian build of Lua has its package make. */
#define DEB_HOST_MULTIARCH "wasm32-wasi"
