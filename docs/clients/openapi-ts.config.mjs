// openapi-ts --input https://headend.example/api/openapi.json --file openapi-ts.config.mjs
export default {
  // With its endings in the imports, Node runs what TypeScript makes of it, without a bundler.
  output: { path: "headend-client", module: { extension: ".js" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
