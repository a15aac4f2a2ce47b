export function respond({ route }) {
    if (!route.startsWith("tenant-")) return { status: 404, body: "no such tenant\n" };
    let hash = 2166136261;
    for (const byte of Buffer.from(route)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
    return `backend-${String(hash % 64).padStart(2, "0")}\n`;
}
