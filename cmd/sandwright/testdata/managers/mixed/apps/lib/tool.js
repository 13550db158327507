#!/usr/bin/env node
console.log("the tool runs")
