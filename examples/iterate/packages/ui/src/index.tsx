import type { ReactNode } from "react";

export function Page({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main>
      <h1>{title}</h1>
      {children}
    </main>
  );
}

export function Status({ ok, children }: { ok: boolean; children: ReactNode }) {
  return <span className={ok ? "status ok" : "status failed"}>{children}</span>;
}
