import { z } from '@pharos/config';
import { defaultProxy, type ProxyConfig, proxySection } from './config.ts';

/** Options of the methods of one namespace; names as in Centrifugo's configuration. */
export interface RpcOptions {
  readonly proxy_enabled: boolean;
  readonly proxy_name: string;
}

/** The section `rpc`. */
export interface RpcConfig {
  readonly proxy: ProxyConfig;
  readonly without_namespace: RpcOptions;
  readonly namespaces: readonly (RpcOptions & { readonly name: string })[];
  readonly ping: { readonly enabled: boolean; readonly method: string };
}

const boundary = ':';

export function rpcSection(): z.ZodType {
  const options = {
    proxy_enabled: z.boolean().default(false).describe('The methods are asked of the backend; else error 108.'),
    proxy_name: z.string().min(1).default(defaultProxy).describe('The proxy: default is rpc.proxy.'),
  };
  const section = z.strictObject({
    proxy: proxySection('what a method of the application answers'),
    without_namespace: z.strictObject(options).describe('Options of methods without a namespace.'),
    namespaces: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[A-Za-z0-9_-]{1,64}$/)
            .describe('What stands before the colon.'),
          ...options,
        }),
      )
      .default([])
      .describe('Options of methods that begin with `<name>:`.'),
    ping: z.strictObject({
      enabled: z.boolean().default(false).describe('Clients may call a method that answers nothing at once.'),
      method: z.string().min(1).default('ping').describe('What it is called; no backend is asked about it.'),
    }),
  });
  return section.superRefine((read, context) => {
    const names = new Set<string>();
    for (const [index, { name }] of (read as unknown as RpcConfig).namespaces.entries()) {
      if (names.has(name)) {
        const message = 'expected a name that no other namespace has';
        context.addIssue({ code: 'custom', path: ['namespaces', index, 'name'], message });
      }
      names.add(name);
    }
  });
}

/** Undefined where the method's namespace is not configured. */
export function rpcOptionsOf(config: RpcConfig, method: string): RpcOptions | undefined {
  const end = method.indexOf(boundary);
  if (end < 0) return config.without_namespace;
  return config.namespaces.find(({ name }) => name === method.slice(0, end));
}
