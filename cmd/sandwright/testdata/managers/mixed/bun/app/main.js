console.log("bun", require("ms")("2 days"))
