console.log("yarn", require("lib")("2 days"))
