const COUNT = 10_000_000;

export function respond() {
    const v = new Float64Array(COUNT);
    let x = 1, sum = 0, squares = 0, neighbours = 0;
    for (let i = 0; i < COUNT; i++) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        v[i] = x >>> 22;
    }
    for (let i = 0; i < COUNT; i++) sum += v[i];
    for (let i = 0; i < COUNT; i++) v[i] -= 512;
    for (let i = 0; i < COUNT; i++) squares += v[i] * v[i];
    for (let i = 1; i < COUNT; i++) neighbours += v[i] * v[i - 1];
    return `${sum} ${squares} ${neighbours}\n`;
}
