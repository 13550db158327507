import type { Health } from "@iterate/shared";
import { useEffect, useState } from "react";

const every = 2000;

/** The health of the other services, asked for every two seconds. */
export function useServices() {
  const [services, setServices] = useState<Health[]>([]);
  useEffect(() => {
    const refresh = () => fetchServices().then(setServices, () => setServices([]));
    void refresh();
    const timer = setInterval(refresh, every);
    return () => clearInterval(timer);
  }, []);
  return services;
}

async function fetchServices(): Promise<Health[]> {
  const answer = await fetch("/api/services");
  return (await answer.json()).services;
}
