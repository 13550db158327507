console.log("npm", require("lib")("2 days"))
