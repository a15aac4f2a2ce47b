export function respond({ body }) {
    let orders;
    try {
        orders = JSON.parse(body);
    } catch {
        return { status: 400, body: "no list of orders\n" };
    }
    const sums = {};
    for (const { customer, items } of orders) {
        sums[customer] ??= 0;
        for (const { quantity, price } of items) sums[customer] += quantity * price;
    }
    return JSON.stringify(Object.fromEntries(Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1)))) + "\n";
}
