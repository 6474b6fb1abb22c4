// The glue that Emscripten makes (CMakeLists.txt); tools/bundle.mjs puts it into the worker's script.
declare module '*.mjs' {
  interface Options {
    /** Workers that stand ready for the module's threads; read by the modules that have threads. */
    pthreadPoolSize: number;
    /** Instantiates the module itself and hands it to `receive`. */
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ): object;
  }

  function create(options: Options): Promise<import('../engine.ts').WasmModule>;
  export { create as default };
}
