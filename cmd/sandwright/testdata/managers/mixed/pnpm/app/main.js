console.log("pnpm", require("ms")("2 days"))
