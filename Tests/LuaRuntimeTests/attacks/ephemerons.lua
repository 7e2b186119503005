local N,t=40000,{} for i=1,N do t[i]={} end
for i=N,2,-1 do local j=math.random(i) t[i],t[j]=t[j],t[i] end
local mt={} local eph=setmetatable({},mt) mt.__mode="k" for i=1,N-1 do eph[t[i]]=t[i+1] end
t=nil for i=1,300 do local junk=("x"):rep(100000)..i end
