const BY = 4;

export function respond({ body }) {
    const head = /^P6 (\d+) (\d+) 255\s/.exec(body.subarray(0, 64).toString("latin1"));
    if (!head) return { status: 400, body: "no such picture\n" };
    const [width, height] = [Number(head[1]), Number(head[2])];
    const from = body.subarray(head[0].length), title = Buffer.from(`P6 ${width / BY} ${height / BY} 255\n`);
    const small = Buffer.alloc(title.length + (3 * width * height) / (BY * BY));
    let n = title.copy(small);
    for (let y = 0; y < height / BY; y++)
        for (let x = 0; x < width / BY; x++)
            for (let c = 0; c < 3; c++) {
                let sum = 0;
                for (let i = 0; i < BY * BY; i++) sum += from[3 * ((y * BY + (i >> 2)) * width + x * BY + (i & 3)) + c];
                small[n++] = sum >> 4;
            }
    return small;
}
