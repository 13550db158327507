module.exports = "yarn classic"
