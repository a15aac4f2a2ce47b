function inner() { throw new Error("on purpose"); } inner();
