export function respond({ body }) {
    const pattern = /"(GET|POST) \/api\/[a-z]+\/[0-9]+ HTTP\/1\.[01]" 5[0-9][0-9] [0-9]+$/;
    return body.toString("latin1").split("\n").filter((line) => pattern.test(line)).map((line) => line + "\n").join("");
}
