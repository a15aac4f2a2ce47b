// JavaScript's own things: closures, generators, promises, big integers, regular expressions.
import * as std from "qjs:std";

print(scriptArgs.slice(1).join(","));
class Shape {
    #sides;
    constructor(sides) { this.#sides = sides; }
    get sides() { return this.#sides; }
    static of(...all) { return all.map((sides) => new Shape(sides)); }
}
print(Shape.of(3, 4, 5).map((shape) => shape.sides).join());
function* fibonacci() { for (let [a, b] = [0n, 1n]; ; [a, b] = [b, a + b]) yield a; }
let at = 0;
for (const value of fibonacci()) if (++at > 300) { print(value); break; }
print(JSON.stringify({ list: [1, 2.5, null, true], text: "é\u2603", nested: { a: {} } }, null, 1));
print("2026-11-21".replace(/(?<year>\d+)-(?<month>\d+)-(?<day>\d+)/, "$<day>.$<month>.$<year>"));
try { null.property; } catch (error) { print(error instanceof TypeError, error.message); }
const { a = 1, ...rest } = { b: 2, c: 3 };
print(a, Object.entries(rest).flat().join());
print([3, 1, 2].toSorted().join(), new Set([1, 1, 2]).size, [..."häß"].length, 0.1 + 0.2, 2 ** 53);
let sum = 0;
for (let i = 0; i < 200000; i++) sum = (sum + i * 31) % 1000003;
print(sum, new Float64Array([1.5, -0]).join(), new Date(0).toISOString());
const later = [];
Promise.resolve(1).then((value) => later.push(value)).then(() => later.push("then"));
await new Promise((resolve) => resolve());
await Promise.all([1, 2]);
print(later.join());
std.gc();
