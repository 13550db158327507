console.log(require("a"), require("built"))
