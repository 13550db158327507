import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import globals from "globals";
import { defineConfig, globalIgnores } from "eslint/config";
import ts from "typescript-eslint";

export default defineConfig(
  globalIgnores(["**/dist/"]),
  js.configs.recommended,
  ts.configs.recommended,
  { files: ["**/*.js"], languageOptions: { globals: globals.node } },
  { files: ["**/*.tsx"], extends: [reactHooks.configs.flat.recommended] },
);
