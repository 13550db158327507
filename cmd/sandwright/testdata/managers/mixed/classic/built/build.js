require('fs').writeFileSync('index.js', 'module.exports = "built"\n')
